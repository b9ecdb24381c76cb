#include "crypto/tls_parts.h"
#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* RFC 2253 with control characters escaped, but not what is simply no ASCII. */
void env_tls_subject(const X509_NAME *name, char *out, size_t cap)
{
    char text[ENV_PRINTABLE_MAX] = "";
    char safe[ENV_PRINTABLE_MAX];
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio && name) {
        (void)X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
        int n = BIO_read(bio, text, sizeof text - 1);
        text[n > 0 ? n : 0] = 0;
    }
    BIO_free(bio);
    env_text_copy(out, cap, env_printable(safe, text));
}

static int64_t when(const ASN1_TIME *t)
{
    struct tm tm;
    return t && ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) * 1000 : 0;
}

void env_tls_certificate(const X509 *x, struct env_certificate_facts *out)
{
    *out = (struct env_certificate_facts){.there = true};
    env_tls_subject(X509_get_subject_name(x), out->subject, sizeof out->subject);
    out->not_before_ms = when(X509_get0_notBefore(x));
    out->not_after_ms = when(X509_get0_notAfter(x));
}

/* A host name that only looks like an address is none: the reader must see why it does not count.
 */
static bool like_address(const char *data, int len)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t ip[16];
    if (len < 0 || len >= (int)sizeof text) {
        return false;
    }
    memcpy(text, data, (size_t)len);
    text[len] = 0;
    return inet_pton(AF_INET, text, ip) == 1 || inet_pton(AF_INET6, text, ip) == 1;
}

/* Chosen by whoever made the certificate: NUL and all. */
static void name_text(const GENERAL_NAME *name, char out[ENV_PRINTABLE_MAX])
{
    out[0] = 0;
    if (name->type == GEN_IPADD) {
        const ASN1_OCTET_STRING *ip = name->d.iPAddress;
        int family = ip->length == 4 ? AF_INET : ip->length == 16 ? AF_INET6 : -1;
        if (family >= 0 && !inet_ntop(family, ip->data, out, ENV_PRINTABLE_MAX)) {
            out[0] = 0;
        }
        return;
    }
    if (name->type == GEN_DNS) {
        char text[ENV_PRINTABLE_MAX];
        int len = name->d.dNSName->length;
        const char *data = (const char *)name->d.dNSName->data;
        snprintf(text, sizeof text, "%s%.*s", like_address(data, len) ? "DNS:" : "", len, data);
        env_printable(out, text);
    }
}

void env_tls_names(const X509 *x, char *out, size_t cap)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    size_t used = 0;
    out[0] = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        char one[ENV_PRINTABLE_MAX];
        name_text(sk_GENERAL_NAME_value(names, i), one);
        const char *between = used ? ", " : "";
        if (!one[0]) {
            continue;
        }
        if (used + strlen(between) + strlen(one) + sizeof ", …" > cap) {
            snprintf(out + used, cap - used, "%s", used ? ", …" : "…");
            break;
        }
        used += (size_t)snprintf(out + used, cap - used, "%s%s", between, one);
    }
    GENERAL_NAMES_free(names);
}

char *env_tls_date(char out[ENV_TLS_DATE_MAX], int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) ||
        snprintf(out, ENV_TLS_DATE_MAX, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1,
                 tm.tm_mday) >= ENV_TLS_DATE_MAX) {
        snprintf(out, ENV_TLS_DATE_MAX, "?");
    }
    return out;
}
