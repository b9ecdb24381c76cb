/* What a person is told when no slot opened. Only what was known before the cryptography is told
 * slot by slot; all that came after has one text. */
#include "base/error.h"
#include "base/text.h"
#include "keys/ref.h"
#include "keys/slot.h"
#include "kms/parts.h"
#include <stdio.h>
#include <string.h>

/* Room for ", and 16 more". */
enum { MORE = 16 };

struct line {
    char text[sizeof(((envelope_error *)0)->message)];
    size_t used;
};

static bool fits(const struct line *line, size_t len, bool last)
{
    return line->used + len + (last ? 0 : MORE) < sizeof line->text;
}

static void put(struct line *line, const char *text)
{
    size_t n = env_utf8_prefix(text, sizeof line->text - 1 - line->used);
    memcpy(line->text + line->used, text, n);
    line->used += n;
    line->text[line->used] = 0;
}

static const char *lead_of(envelope_status status)
{
    switch (status) {
    case ENVELOPE_E_KMS_UNREACHED:
        return "a KMS cannot be reached, and nothing else at hand opens it";
    case ENVELOPE_E_REFUSED:
        return "what is at hand may not open it";
    default:
        return "no key at hand opens it";
    }
}

static void put_slots(struct line *line, const struct env_slots *slots,
                      const struct env_ring_failure *failure)
{
    char ref_text[ENV_REF_TEXT_MAX];
    char item[ENV_REF_TEXT_MAX + 80];
    bool one = failure->only != SIZE_MAX;
    size_t first = one ? failure->only : 0;
    size_t end = one ? first + 1 : slots->count;
    for (size_t i = first; i < end; i++) {
        envelope_key_ref ref = env_slot_ref(&slots->slot[i]);
        const char *word = failure->word[i] ? failure->word[i] : "not at hand";
        int n = snprintf(item, sizeof item, "%s%s: %s", i > first ? "; " : "",
                         env_ref_text(ref_text, &ref), word);
        if (i > first && !fits(line, (size_t)n, i + 1 == end)) {
            snprintf(item, sizeof item, "; and %zu more", end - i);
            put(line, item);
            return;
        }
        put(line, item);
    }
}

envelope_status env_ring_explain(const struct env_slots *slots,
                                 const struct env_ring_failure *failure, const char *object,
                                 envelope_error *err)
{
    struct line line = {.used = 0};
    char safe[ENV_PRINTABLE_MAX];
    if (object) {
        put(&line, env_printable(safe, object));
        put(&line, ": ");
    }
    if (failure->status == ENVELOPE_E_AUTH) {
        put(&line, ENV_DOES_NOT_OPEN);
        return env_fail(err, failure->status, "%s", line.text);
    }
    put(&line, failure->lead ? failure->lead : lead_of(failure->status));
    put(&line, "; the header claims these keys: ");
    put_slots(&line, slots, failure);
    return env_fail(err, failure->status, "%s", line.text);
}
