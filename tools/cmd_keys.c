/* tools/cmd_keys.c - which keys open which objects, as the headers claim; no key is needed. */
#include "context.h"
#include "json.h"
#include "keys.h"
#include "missing.h"
#include "text.h"
#include <inttypes.h>
#include <string.h>

struct view {
    struct report *report;
    envelope_survey *survey;
    size_t count;
    envelope_key_list **object_keys; /* one for each object */
    int end;
};

static const char *kind_of(int32_t kind)
{
    switch (kind) {
    case ENVELOPE_OBJECT_POINT:
        return "point";
    case ENVELOPE_OBJECT_METADATA:
        return "metadata";
    default:
        return "other";
    }
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static bool same_key(const envelope_key_ref *a, const envelope_key_ref *b)
{
    return same_text(a->kms_id, b->kms_id) && same_text(a->key_name, b->key_name) &&
           same_text(a->key_id, b->key_id) && a->version == b->version &&
           a->has_fingerprint == b->has_fingerprint &&
           !memcmp(a->fingerprint, b->fingerprint, sizeof a->fingerprint);
}

static bool names(const envelope_key_list *list, const envelope_key_ref *key)
{
    for (size_t i = 0; i < envelope_key_list_count(list); i++) {
        if (same_key(envelope_key_list_at(list, i)->ref, key)) {
            return true;
        }
    }
    return false;
}

/* E_NO_KEY only says that no key was tried, or not the right one. */
static bool damaged(const envelope_object *object)
{
    return object->status != ENVELOPE_OK && object->status != ENVELOPE_E_NO_KEY;
}

static json_t *object_json(const struct view *view, size_t i)
{
    const envelope_object *object = envelope_survey_at(view->survey, i);
    json_t *keys = json_array();
    for (size_t k = 0; k < envelope_key_list_count(view->object_keys[i]); k++) {
        const envelope_key_info *info = envelope_key_list_at(view->object_keys[i], k);
        json_array_append_new(keys, json_of_key(info->ref));
    }
    json_t *json = json_object();
    json_object_set_new(json, "object", json_of_text(object->object));
    json_object_set_new(json, "chain", json_of_text(object->chain));
    json_object_set_new(json, "kind", json_string(kind_of(object->kind)));
    json_object_set_new(json, "point", object->point ? json_of_count(object->point) : json_null());
    json_object_set_new(json, "bytes", json_of_count(object->bytes));
    json_object_set_new(json, "status", json_string(envelope_status_name(object->status)));
    json_object_set_new(json, "message", json_of_text(object->message));
    json_object_set_new(json, "keys", keys);
    return json;
}

static void show_key(struct view *view, const envelope_key_info *info)
{
    struct report *report = view->report;
    const char *hand = info->status == ENVELOPE_OK ? ", at hand" : "";
    const char *first =
        info->flags & ENVELOPE_KEY_IN_SMALLEST_SET ? ", one of the fewest that open all" : "";
    report_say(report, "%s", text_key_exact(&report->pool, info->ref));
    report_say(report, "  opens %" PRIu64 " point%s%s%s:", info->points, text_plural(info->points),
               hand, first);
    for (size_t i = 0; i < view->count; i++) {
        if (names(view->object_keys[i], info->ref)) {
            const envelope_object *object = envelope_survey_at(view->survey, i);
            report_say(report, "    %s", text_printable(&report->pool, object->object));
        }
    }
}

static void show_damage(struct view *view)
{
    struct report *report = view->report;
    for (size_t i = 0; i < view->count; i++) {
        const envelope_object *object = envelope_survey_at(view->survey, i);
        if (damaged(object)) {
            int end = report_end_of(report, object->status);
            view->end = report_worse(view->end, end == END_USAGE ? END_FAILED : end);
            report_say(report, "%s: %s: %s", text_printable(&report->pool, object->object),
                       envelope_status_name(object->status),
                       text_printable(&report->pool, object->message));
        }
    }
}

static int collect(struct view *view, envelope_key_list **keys)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    view->count = envelope_survey_count(view->survey);
    view->object_keys = pool_alloc(&view->report->pool, (view->count + 1) * sizeof(void *));
    envelope_status status = envelope_survey_keys(view->survey, keys, &err);
    for (size_t i = 0; i < view->count && !status; i++) {
        status = envelope_survey_object_keys(view->survey, i, &view->object_keys[i], &err);
    }
    return status ? report_failure(view->report, status, &err, "the keys") : END_DONE;
}

static void show(struct view *view, const envelope_key_list *keys)
{
    json_t *key_list = json_array();
    json_t *objects = json_array();
    for (size_t i = 0; i < view->count; i++) {
        json_array_append_new(objects, object_json(view, i));
    }
    report_say(view->report, "as the headers claim; nothing of this is proven without a key");
    for (size_t i = 0; i < envelope_key_list_count(keys); i++) {
        const envelope_key_info *info = envelope_key_list_at(keys, i);
        json_array_append_new(key_list, missing_key_json(info));
        show_key(view, info);
    }
    show_damage(view);
    report_set(view->report, "keys", key_list);
    report_set(view->report, "objects", objects);
}

static int show_all(struct view *view)
{
    envelope_key_list *keys = NULL;
    int end = collect(view, &keys);
    if (!end) {
        show(view, keys);
    }
    envelope_key_list_free(keys);
    for (size_t i = 0; i < view->count; i++) {
        envelope_key_list_free(view->object_keys[i]);
    }
    return report_worse(end, view->end);
}

/* With keys by hand: what do they open? */
static int try_keys(struct view *view, envelope_ctx *ctx, const struct options *options)
{
    static const struct config nothing;
    struct keys_request request = {
        .report = view->report, .ctx = ctx, .options = options, .config = &nothing};
    envelope_keyring *keyring = NULL;
    envelope_error err = ENVELOPE_ERROR_INIT;
    int end = keys_open(&request, &keyring);
    envelope_status status = end ? ENVELOPE_OK : envelope_survey_try(view->survey, keyring, &err);
    envelope_keyring_free(keyring);
    if (status) {
        end = report_failure(view->report, status, &err, "with these keys");
    }
    return end;
}

static int look(struct report *report, const struct options *options, envelope_ctx *ctx,
                envelope_store *store)
{
    struct view view = {.report = report};
    envelope_survey_options how = {.size = sizeof how,
                                   .chain = option_value(options, OPTION_CHAIN)};
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_status status = envelope_survey_new(store, &how, &view.survey, &err);
    if (status) {
        return report_failure(report, status, &err, "repository %s",
                              text_printable(&report->pool, options->operand[0]));
    }
    int tried = keys_by_hand(options) ? try_keys(&view, ctx, options) : END_DONE;
    int end = tried == END_DONE || tried == END_NO_KEY ? show_all(&view) : tried;
    envelope_survey_free(view.survey);
    return report_worse(end, tried);
}

static int run(struct report *report, const struct options *options)
{
    envelope_ctx *ctx = NULL;
    envelope_store *store = NULL;
    envelope_error err = ENVELOPE_ERROR_INIT;
    int end = context_new(report, &ctx);
    if (!end) {
        envelope_status status =
            envelope_store_dir(ctx, options->operand[0], ENVELOPE_DIR_READONLY, &store, &err);
        end = status ? report_failure(report, status, &err, "repository %s",
                                      text_printable(&report->pool, options->operand[0]))
                     : look(report, options, ctx, store);
    }
    envelope_store_free(store);
    envelope_ctx_free(ctx);
    return end;
}

const struct command command_keys = {
    .name = "keys",
    .operands = "REPO",
    .operand_count = 1,
    .summary = "Show which keys open which objects, as the headers claim. No key is needed.",
    .options = {OPTION_CHAIN, OPTION_KEY_FILE, OPTION_PASSWORD_FILE, OPTION_JSON, OPTION_HELP},
    .run = run,
};
