#include "config.h"
#include "config_section.h"
#include "paths.h"
#include "text.h"
#include <errno.h>
#include <ini_configobj.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t serial_max = (UINT64_C(1) << 48) - 1;

const struct config_kms *config_find_kms(const struct config *config, const char *id)
{
    for (size_t i = 0; i < config->kms_count; i++) {
        if (!strcmp(config->kms[i].id, id)) {
            return &config->kms[i];
        }
    }
    return NULL;
}

const struct config_chain *config_find_chain(const struct config *config, const char *id)
{
    for (size_t i = 0; i < config->chain_count; i++) {
        if (!strcmp(config->chain[i].id, id)) {
            return &config->chain[i];
        }
    }
    return NULL;
}

/* type = and its value, for the rule of its kind. */
static int read_kind(const struct section *s, const struct kms_kind **out)
{
    const char *type = NULL;
    unsigned line = 0;
    int end = section_one(s, "type", true, &type, &line);
    *out = end ? NULL : kms_kind_find(type, strlen(type));
    return end || *out ? end
                       : section_wrong(s, line, "type", "only 'keystore' and 'kmip' are known");
}

static int check_kms_keys(const struct section *s, const struct kms_kind *kind)
{
    const char **known = NULL;
    size_t count = 0;
    struct pool *pool = &s->report->pool;
    known = pool_grow(pool, known, count, sizeof *known);
    known[count++] = "type";
    for (const struct part_rule *rule = kind->rule; rule->name; rule++) {
        known = pool_grow(pool, known, count, sizeof *known);
        known[count++] = rule->name;
    }
    known = pool_grow(pool, known, count, sizeof *known);
    known[count] = NULL;
    return section_check_keys(s, known, 1);
}

static int read_parts(const struct section *s, const char *name, struct config_kms *kms)
{
    unsigned line = 0;
    struct config_part part = {.name = name};
    for (size_t n = 0; (part.value = section_value(s, name, n, &line)); n++) {
        const char *why = NULL;
        part.where = section_where(s, line);
        int end = section_check_value(s, name, part.value, line);
        if (!end && !config_kms_add(&s->report->pool, kms, &part, &why)) {
            end = section_wrong(s, line, name, why);
        }
        if (end) {
            return end;
        }
    }
    return END_DONE;
}

static int read_kms(const struct section *s, struct config *config)
{
    struct pool *pool = &s->report->pool;
    struct config_kms kms = {.id = pool_text(pool, s->name + strlen("kms.")),
                             .where = section_where(s, 0)};
    if (!config_id_valid(kms.id)) {
        return section_wrong(s, 0, s->name, config_id_rule);
    }
    int end = read_kind(s, &kms.kind);
    end = end ? end : check_kms_keys(s, kms.kind);
    for (size_t i = 0; !end && kms.kind->rule[i].name; i++) {
        end = read_parts(s, kms.kind->rule[i].name, &kms);
    }
    const char *lacking = end ? NULL : config_kms_lacks(&kms);
    if (lacking) {
        end = section_wrong(s, 0, s->name, pool_format(pool, "needs '%s'", lacking));
    }
    config->kms = pool_grow(pool, config->kms, config->kms_count, sizeof kms);
    config->kms[config->kms_count++] = kms;
    return end;
}

static int read_list(const struct section *s, const char *key, enum config_list list,
                     struct config_entries *out)
{
    unsigned line = 0;
    const char *value;
    for (size_t n = 0; (value = section_value(s, key, n, &line)); n++) {
        struct config_entry entry = {.where = section_where(s, line)};
        const char *why = NULL;
        int end = section_check_value(s, key, value, line);
        if (!end && !config_split(&s->report->pool, list, value, &entry, &why)) {
            end = section_wrong(s, line, key, why);
        }
        if (end) {
            return end;
        }
        out->item = pool_grow(&s->report->pool, out->item, out->count, sizeof entry);
        out->item[out->count++] = entry;
    }
    return END_DONE;
}

static int read_serial(const struct section *s, uint64_t *out)
{
    const char *text = NULL;
    unsigned line = 0;
    int end = section_one(s, "serial", true, &text, &line);
    if (!end && (!text_number(text, serial_max, out) || !*out)) {
        end = section_wrong(s, line, "serial", "is a number from 1 to 2^48 - 1");
    }
    return end;
}

static int read_chain(const struct section *s, struct config *config)
{
    static const char *const known[] = {"name",   "serial", "key", "password",
                                        "escrow", "unwrap", NULL};
    static const char *const lists[CONFIG_LISTS] = {"key", "password", "escrow", "unwrap"};
    struct config_chain chain = {.id = pool_text(&s->report->pool, s->name + strlen("chain."))};
    uint8_t id[32];
    unsigned line = 0;
    if (!text_unhex(id, sizeof id, chain.id)) {
        return section_wrong(s, 0, s->name, "a chain id is 64 hex digits in lower case");
    }
    int end = section_check_keys(s, known, 2);
    end = end ? end : section_one(s, "name", false, &chain.name, &line);
    end = end ? end : read_serial(s, &chain.serial);
    for (int i = 0; i < CONFIG_LISTS && !end; i++) {
        end = read_list(s, lists[i], (enum config_list)i, &chain.list[i]);
    }
    if (!end && !(chain.list[CONFIG_KEY].count + chain.list[CONFIG_PASSWORD].count +
                  chain.list[CONFIG_ESCROW].count)) {
        end = section_wrong(s, 0, s->name,
                            "names nobody to seal for: it needs 'key', 'password' or 'escrow'");
    }
    config->chain = pool_grow(&s->report->pool, config->chain, config->chain_count, sizeof chain);
    config->chain[config->chain_count++] = chain;
    return end;
}

static int read_section(const struct section *s, struct config *config)
{
    if (!strncmp(s->name, "kms.", 4)) {
        return read_kms(s, config);
    }
    if (!strncmp(s->name, "chain.", 6)) {
        return read_chain(s, config);
    }
    return section_wrong(s, 0, s->name, "unknown section: there are [kms.ID] and [chain.CHAIN-ID]");
}

static int read_sections(struct section *s, struct config *config)
{
    int count = 0;
    int error = 0;
    int end = END_DONE;
    char **names = ini_get_section_list(s->ini, &count, &error);
    for (int i = 0; names && i < count && !end; i++) {
        s->name = names[i];
        end = read_section(s, config);
    }
    ini_free_section_list(names);
    return end;
}

/* libini's text is "Error (5) on line 7: Equal sign is missing." */
static const char *divide_error(const char *text, unsigned long *line)
{
    static const char before[] = " on line ";
    const char *number = strstr(text, before);
    char *end = NULL;
    *line = number ? strtoul(number + strlen(before), &end, 10) : 0;
    return end && end[0] == ':' && end[1] == ' ' ? end + 2 : text;
}

static int syntax_errors(const struct section *s)
{
    char **errors = NULL;
    ini_config_get_errors(s->ini, &errors);
    for (size_t i = 0; errors && errors[i]; i++) {
        unsigned long line;
        const char *why = divide_error(errors[i], &line);
        report_error(s->report, END_USAGE, "%s:%lu: %s", text_printable(&s->report->pool, s->path),
                     line, why);
    }
    ini_config_free_errors(errors);
    return END_USAGE;
}

/* Whoever can write it says whom backups are sealed for. */
static int check_access(struct report *report, const char *path, struct ini_cfgfile *file)
{
    uid_t owner = ini_config_get_stat(file)->st_uid;
    const char *shown = text_printable(&report->pool, path);
    if (owner != geteuid() && owner != 0) {
        return report_error(report, END_USAGE, "%s: belongs to another user, so it is not used",
                            shown);
    }
    if (ini_config_access_check(file, INI_ACCESS_CHECK_MODE, 0, 0, 0, 022)) {
        return report_error(report, END_USAGE,
                            "%s: others can write it, so it is not used: chmod go-w", shown);
    }
    return END_DONE;
}

static int parse(struct report *report, struct ini_cfgfile *file, struct config *config)
{
    struct section s = {.report = report, .path = config->path};
    if (ini_config_create(&s.ini)) {
        return report_error(report, END_FAILED, "no memory");
    }
    int failed =
        ini_config_parse(file, INI_STOP_ON_NONE, INI_MV1S_ALLOW | INI_MV2S_ERROR | INI_MS_ERROR,
                         INI_PARSE_NOWRAP | INI_PARSE_NO_C_COMMENTS, s.ini);
    int end =
        failed || ini_config_error_count(s.ini) ? syntax_errors(&s) : read_sections(&s, config);
    ini_config_destroy(s.ini);
    return end;
}

int config_load(struct report *report, const struct options *options, bool must_exist,
                struct config *out)
{
    memset(out, 0, sizeof *out);
    out->path = option_value(options, OPTION_CONFIG);
    if (!out->path) {
        const char *folder = path_xdg(&report->pool, "XDG_CONFIG_HOME", ".config");
        out->path = folder ? pool_format(&report->pool, "%s/envelope.ini", folder) : NULL;
        must_exist = false;
    }
    if (!out->path || (access(out->path, F_OK) && errno == ENOENT && !must_exist)) {
        return END_DONE;
    }
    out->path = path_absolute(&report->pool, out->path);
    struct ini_cfgfile *file = NULL;
    int number = ini_config_file_open(out->path, INI_META_STATS, &file);
    if (number) {
        return report_error(report, END_USAGE, "%s: %s", text_printable(&report->pool, out->path),
                            strerror(number));
    }
    out->exists = true;
    /* Nothing in it: nothing to distrust, and a read error to libini. So /dev/null is "none". */
    int end = END_DONE;
    if (ini_config_get_stat(file)->st_size > 0) {
        end = check_access(report, out->path, file);
        end = end ? end : parse(report, file, out);
    }
    ini_config_file_destroy(file);
    return end;
}
