#include "keys/ref.h"
#include "base/text.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Member by member: a size that ends within a pointer must not give us half of one. */
envelope_key_ref env_ref_view(const envelope_key_ref *ref)
{
    envelope_key_ref view = {.size = sizeof view};
    if (!ref) {
        return view;
    }
    view.kms_id = ENVELOPE_HAS(ref, kms_id) ? ref->kms_id : NULL;
    view.key_name = ENVELOPE_HAS(ref, key_name) ? ref->key_name : NULL;
    view.key_id = ENVELOPE_HAS(ref, key_id) ? ref->key_id : NULL;
    view.version = ENVELOPE_HAS(ref, version) ? ref->version : 0;
    if (ENVELOPE_HAS(ref, fingerprint) && ref->has_fingerprint) {
        view.has_fingerprint = 1;
        memcpy(view.fingerprint, ref->fingerprint, sizeof view.fingerprint);
    }
    view.replaces = ENVELOPE_HAS(ref, replaces) ? ref->replaces : NULL;
    return view;
}

static size_t room_for(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static const char *place(char **at, const char *text)
{
    if (!text) {
        return NULL;
    }
    char *here = *at;
    size_t len = strlen(text) + 1;
    memcpy(here, text, len);
    *at += len;
    return here;
}

envelope_key_ref *env_ref_copy(envelope_ctx *ctx, const envelope_key_ref *ref)
{
    envelope_key_ref view = env_ref_view(ref);
    size_t text = room_for(view.kms_id) + room_for(view.key_name) + room_for(view.key_id) +
                  room_for(view.replaces);
    envelope_key_ref *copy = env_alloc(ctx, sizeof *copy + text);
    if (!copy) {
        return NULL;
    }
    *copy = view;
    char *at = (char *)(copy + 1);
    copy->kms_id = place(&at, view.kms_id);
    copy->key_name = place(&at, view.key_name);
    copy->key_id = place(&at, view.key_id);
    copy->replaces = place(&at, view.replaces);
    return copy;
}

struct line {
    char text[1024];
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(line->text + line->used, sizeof line->text - line->used, format, ap);
    va_end(ap);
    size_t left = sizeof line->text - 1 - line->used;
    line->used += n < 0 ? 0 : (size_t)n < left ? (size_t)n : left;
}

static bool there(const char *text)
{
    return text && *text;
}

static void add_name(struct line *line, const envelope_key_ref *ref)
{
    char safe[ENV_PRINTABLE_MAX];
    if (there(ref->kms_id)) {
        add(line, "%s/", env_printable(safe, ref->kms_id));
        add(line, "%s", env_printable(safe, ref->key_name));
        return;
    }
    add(line, "%s %s", ref->has_fingerprint ? "escrow key" : "password",
        env_printable(safe, ref->key_name));
}

char *env_ref_text(char out[ENV_REF_TEXT_MAX], const envelope_key_ref *ref)
{
    envelope_key_ref view = env_ref_view(ref);
    struct line line = {.used = 0};
    char safe[ENV_PRINTABLE_MAX];
    char hex[2 * 8 + 1];
    add_name(&line, &view);
    if (view.version) {
        add(&line, " v%u", view.version);
    }
    bool id = there(view.key_id);
    if (id) {
        add(&line, " (key id %s", env_printable(safe, view.key_id));
    }
    if (view.has_fingerprint) {
        add(&line, "%sfingerprint %s…", id ? ", " : " (", env_hex(hex, view.fingerprint, 8));
    }
    if (id || view.has_fingerprint) {
        add(&line, ")");
    }
    size_t n = env_utf8_prefix(line.text, ENV_REF_TEXT_MAX - 1);
    memcpy(out, line.text, n);
    out[n] = 0;
    return out;
}
