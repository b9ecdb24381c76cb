/* "host:port,[::1]:5696,host2" as the operator wrote it. */
#include "base/error.h"
#include "base/text.h"
#include "kms/kmip/client.h"
#include <string.h>

#define DEFAULT_PORT "5696"

struct text {
    const char *p;
    size_t len;
};

static struct text trimmed(const char *p, size_t len)
{
    while (len && (*p == ' ' || *p == '\t')) {
        p++;
        len--;
    }
    while (len && (p[len - 1] == ' ' || p[len - 1] == '\t')) {
        len--;
    }
    return (struct text){p, len};
}

static envelope_status bad(struct text part, const char *why, envelope_error *err)
{
    char copy[ENV_PRINTABLE_MAX];
    char safe[ENV_PRINTABLE_MAX];
    size_t n = part.len < sizeof copy ? part.len : sizeof copy - 1;
    memcpy(copy, part.p, n);
    copy[n] = 0;
    return env_fail(err, ENVELOPE_E_INVALID, "KMIP endpoint \"%s\": %s", env_printable(safe, copy),
                    why);
}

/* Names and addresses are shown in messages, so nothing else gets in. '%' is the zone of a
 * link-local address. */
static bool host_characters(struct text host)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:%";
    for (size_t i = 0; i < host.len; i++) {
        if (!host.p[i] || !strchr(allowed, host.p[i])) {
            return false;
        }
    }
    return true;
}

static bool port_number(struct text port)
{
    unsigned long n = 0;
    if (port.len < 1 || port.len > 5 || port.p[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < port.len; i++) {
        if (port.p[i] < '0' || port.p[i] > '9') {
            return false;
        }
        n = n * 10 + (unsigned long)(port.p[i] - '0');
    }
    return n <= 65535;
}

static envelope_status take(struct text part, struct text host, struct text port,
                            struct env_kmip_endpoint *out, envelope_error *err)
{
    if (!host.len || host.len >= sizeof out->host) {
        return bad(part, "a host name has 1 to 255 characters", err);
    }
    if (!host_characters(host)) {
        return bad(part, "a character that no host name has", err);
    }
    if (!port_number(port)) {
        return bad(part, "a port is a number from 1 to 65535", err);
    }
    memcpy(out->host, host.p, host.len);
    memcpy(out->port, port.p, port.len);
    return ENVELOPE_OK;
}

static envelope_status bracketed(struct text part, struct env_kmip_endpoint *out,
                                 envelope_error *err)
{
    const char *end = memchr(part.p, ']', part.len);
    if (!end) {
        return bad(part, "the bracket is not closed", err);
    }
    struct text host = {part.p + 1, (size_t)(end - part.p) - 1};
    size_t rest = part.len - host.len - 2;
    if (!memchr(host.p, ':', host.len)) {
        return bad(part, "brackets are for IPv6 addresses", err);
    }
    if (rest && end[1] != ':') {
        return bad(part, "behind the bracket stands \":port\", or nothing", err);
    }
    struct text port = {DEFAULT_PORT, strlen(DEFAULT_PORT)};
    if (rest) {
        port = (struct text){end + 2, rest - 1};
    }
    return take(part, host, port, out, err);
}

static envelope_status one(struct text part, struct env_kmip_endpoint *out, envelope_error *err)
{
    memset(out, 0, sizeof *out);
    if (!part.len) {
        return bad(part, "is empty", err);
    }
    if (part.p[0] == '[') {
        return bracketed(part, out, err);
    }
    const char *colon = memchr(part.p, ':', part.len);
    if (!colon) {
        return take(part, part, (struct text){DEFAULT_PORT, strlen(DEFAULT_PORT)}, out, err);
    }
    struct text host = {part.p, (size_t)(colon - part.p)};
    struct text port = {colon + 1, part.len - host.len - 1};
    if (memchr(port.p, ':', port.len)) {
        return bad(part, "write an IPv6 address in brackets: [::1]:5696", err);
    }
    return take(part, host, port, out, err);
}

envelope_status env_kmip_endpoints(const char *text, struct env_kmip_endpoint *out, size_t *count,
                                   envelope_error *err)
{
    *count = 0;
    if (!text) {
        return env_fail(err, ENVELOPE_E_INVALID, "KMIP: no endpoint is given (host:port)");
    }
    size_t n = 0;
    for (const char *p = text; p;) {
        const char *comma = strchr(p, ',');
        if (n == ENV_KMIP_ENDPOINTS_MAX) {
            return env_fail(err, ENVELOPE_E_INVALID, "KMIP: at most %d endpoints",
                            ENV_KMIP_ENDPOINTS_MAX);
        }
        envelope_status st = one(trimmed(p, comma ? (size_t)(comma - p) : strlen(p)), &out[n], err);
        if (st) {
            return st;
        }
        n++;
        p = comma ? comma + 1 : NULL;
    }
    *count = n;
    return ENVELOPE_OK;
}
