/* tools/config_text.c - recipients and sections as text, and adding sections to the file. */
#include "config.h"
#include "paths.h"
#include "secretfile.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { CONFIG_BYTES_MAX = 1 << 20 };

static bool refuse(const char **why, const char *reason)
{
    *why = reason;
    return false;
}

bool config_split(struct pool *pool, enum config_list list, const char *value,
                  struct config_entry *out, const char **why)
{
    bool of_kms = list == CONFIG_KEY || list == CONFIG_UNWRAP;
    const char *divider = strchr(value, of_kms ? '/' : '=');
    if (!divider || divider == value || !divider[1]) {
        return refuse(why, of_kms ? "is KMS-ID/KEY-NAME" : "is NAME=FILE");
    }
    out->left = pool_copy(pool, value, (size_t)(divider - value));
    out->right = pool_text(pool, divider + 1);
    if (of_kms && !config_id_valid(out->left)) {
        return refuse(why, config_id_rule);
    }
    if (!text_is_utf8(of_kms ? out->right : out->left)) {
        return refuse(why, "the name is not UTF-8");
    }
    return true;
}

static const char *add_list(struct pool *pool, const char *text, const struct config_chain *chain,
                            enum config_list list)
{
    static const char *const keys[CONFIG_LISTS] = {"key", "password", "escrow", "unwrap"};
    const struct config_entries *entries = &chain->list[list];
    const char *divider = list == CONFIG_KEY || list == CONFIG_UNWRAP ? "/" : "=";
    for (size_t i = 0; i < entries->count; i++) {
        text = pool_format(pool, "%s%s = %s%s%s\n", text, keys[list], entries->item[i].left,
                           divider, entries->item[i].right);
    }
    return text;
}

const char *config_chain_section(struct pool *pool, const struct config_chain *chain)
{
    const char *text = pool_format(pool, "[chain.%s]\nname = %s\nserial = %" PRIu64 "\n", chain->id,
                                   chain->name, chain->serial);
    for (int i = 0; i < CONFIG_LISTS; i++) {
        text = add_list(pool, text, chain, (enum config_list)i);
    }
    return text;
}

static int append_locked(struct report *report, const char *path, const char *text)
{
    struct pool *pool = &report->pool;
    const char *before = "";
    size_t len = 0;
    if (access(path, F_OK) == 0) {
        int end = plain_read_file(report, path, NULL, CONFIG_BYTES_MAX, &before, &len);
        if (end) {
            return end;
        }
    }
    const char *gap = len == 0 ? "" : before[len - 1] == '\n' ? "\n" : "\n\n";
    const char *all = pool_format(pool, "%s%s%s", before, gap, text);
    if (path_replace(pool, path, all, strlen(all))) {
        return report_error(report, END_FAILED, "%s: %s", text_printable(pool, path),
                            strerror(errno));
    }
    return END_DONE;
}

int config_append(struct report *report, const char *path, const char *text)
{
    const char *folder = path_folder(&report->pool, path);
    if (path_make_folder(&report->pool, folder)) {
        return report_error(report, END_FAILED, "%s: %s", text_printable(&report->pool, folder),
                            strerror(errno));
    }
    /* Two inits at one time: the folder is the lock, since the file is replaced. */
    int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_EX)) {
        return report_error(report, END_FAILED, "%s: %s", text_printable(&report->pool, folder),
                            strerror(errno));
    }
    int end = append_locked(report, path, text);
    close(lock);
    return end;
}

int config_explain_missing(struct report *report, const struct config *config, const char *chain_id,
                           const char *name)
{
    const char *path = config->path ? config->path : "a file given with --config";
    report_error(report, END_USAGE,
                 "no recipients are configured for this chain; write into %s (and only if you know "
                 "that this is your chain):",
                 text_printable(&report->pool, path));
    report_more("[chain.%s]\nname = %s\nserial = 1\nkey = KMS-ID/KEY-NAME", chain_id,
                name ? name : "default");
    if (!config->kms_count) {
        report_more("\n[kms.KMS-ID]\ntype = keystore\ndir = DIR\npassphrase-file = FILE"
                    "\n(or type = kmip; envelope-kms(1) says what it takes)");
    }
    report_more("(serial: as it was where this chain was configured, or higher after a change; or "
                "open with --key-file or --password-file, which need no configuration)");
    return END_USAGE;
}
