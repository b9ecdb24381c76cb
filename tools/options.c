#include "options.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>

struct option_info {
    const char *name;
    char letter;
    bool repeatable;
    const char *value; /* NULL: takes none */
    const char *help;
};

static const struct option_info info[OPTION_COUNT] = {
    [OPTION_CHAIN] = {"chain", 0, false, "NAME", "the chain; needed where there are several"},
    [OPTION_LABEL] = {"label", 0, false, "TEXT", "a label for the point, sealed with it"},
    [OPTION_STREAM] = {"stream", 0, false, NULL,
                       "keep the bytes as they come, not as a disk: no increments"},
    [OPTION_FULL] = {"full", 0, false, NULL, "make a full point, whatever there is"},
    [OPTION_FULL_EVERY] = {"full-every", 0, false, "N",
                           "a full after N points that stand on each other (30)"},
    [OPTION_CHANGED_EXTENTS] = {"changed-extents", 0, false, "FILE",
                                "read only what FILE names: lines of offset and length"},
    [OPTION_DIRECT] = {"direct", 0, false, NULL, "read past the page cache"},
    [OPTION_BESIDE] = {"beside", 0, false, NULL, "also while another run writes to this chain"},
    [OPTION_TREE] = {"tree", 0, false, NULL, "show which point stands on which"},
    [OPTION_RANGE] = {"range", 0, false, "OFF:LEN", "only these bytes of the point"},
    [OPTION_POINT] = {"point", 0, false, "N", "the point's number"},
    [OPTION_POINTS] = {"point", 0, true, "N", "forget this point"},
    [OPTION_KEEP_LAST] = {"keep-last", 0, false, "N", "forget all but the newest N points"},
    [OPTION_KEEP_DAYS] = {"keep-days", 0, false, "N", "forget all but those of the last N days"},
    [OPTION_DRY_RUN] = {"dry-run", 0, false, NULL, "say what would go, and change nothing"},
    [OPTION_SOCKET] = {"socket", 0, false, "PATH", "the Unix socket to listen at"},
    [OPTION_OUTPUT] = {"output", 'o', false, "FILE", "where to write"},
    [OPTION_FORCE] = {"force", 0, false, NULL, "replace what is there"},
    [OPTION_HEADERS_ONLY] = {"headers-only", 0, false, NULL, "leave the payloads out"},
    [OPTION_REPAIR] = {"repair", 0, false, NULL,
                       "write damaged header copies anew from the other copy, and damaged tails"},
    [OPTION_NEW_GENERATION] = {"new-generation", 0, false, NULL,
                               "draw a new generation also when no key changed"},
    [OPTION_KMS] = {"kms", 0, true, "ID=TYPE:PLACE[,NAME=VALUE...]",
                    "a key management server, by the name it has for ever: "
                    "ID=keystore:DIR[,passphrase-file=F], or ID=kmip:HOST:PORT,ca=F,cert=F,key=F "
                    "and more, see envelope-kms(1)"},
    [OPTION_RECIPIENT_KEY] = {"key", 0, true, "ID/NAME", "seal for this key of that KMS"},
    [OPTION_ESCROW] = {"escrow", 0, true, "NAME=PUBKEY.pem", "seal for this public key"},
    [OPTION_PASSWORD] = {"password", 0, true, "NAME=FILE", "seal for the password in FILE"},
    [OPTION_KEY] = {"key", 0, false, "NAME", "name of the key"},
    [OPTION_KEY_VERSION] = {"version", 0, false, "N", "version of the key"},
    [OPTION_AES] = {"aes", 0, false, NULL, "an AES-256 key instead of an RSA-4096 pair"},
    [OPTION_PUBLIC] = {"public", 0, false, NULL, "the public half only"},
    [OPTION_OUT_PASSPHRASE_FILE] = {"out-passphrase-file", 0, false, "F",
                                    "encrypt the export under the passphrase in F"},
    [OPTION_PASSPHRASE_FILE] = {"passphrase-file", 0, false, "F",
                                "passphrase of the (only) keystore: first line of F"},
    [OPTION_KEY_FILE] = {"key-file", 0, true, "PRIVATE.pem[:PASSFILE]",
                         "open with this private key"},
    [OPTION_PASSWORD_FILE] = {"password-file", 0, true, "F", "open with the password in F"},
    [OPTION_CONFIG] = {"config", 0, false, "FILE", "configuration instead of the default one"},
    [OPTION_STATE] = {"state", 0, false, "DIR", "where pins are kept instead of the default"},
    [OPTION_PROGRESS] = {"progress", 0, false, "auto|always|never", "show progress"},
    [OPTION_JSON] = {"json", 0, false, NULL, "answer with one JSON object"},
    [OPTION_HELP] = {"help", 'h', false, NULL, "this text"},
};

bool option_given(const struct options *options, enum option_id id)
{
    return options->value[id].count > 0;
}

const char *option_value(const struct options *options, enum option_id id)
{
    return option_given(options, id) ? options->value[id].item[0] : NULL;
}

static bool wrong(const struct command *command, const char *what, const char *which)
{
    fprintf(stderr, "envelope %s: %s: %s\n", command->name, what, which);
    fprintf(stderr, "Try 'envelope %s --help'.\n", command->name);
    return false;
}

/* For getopt: val is the option's place in command->options, plus 1. */
static void describe(const struct command *command, struct option *longs, char *shorts)
{
    *shorts++ = '+';
    *shorts++ = ':';
    for (size_t i = 0;; i++) {
        const struct option_info *o = &info[command->options[i]];
        longs[i].name = o->name;
        longs[i].has_arg = o->value ? required_argument : no_argument;
        longs[i].val = (int)i + 1;
        if (o->letter) {
            *shorts++ = o->letter;
        }
        if (o->letter && o->value) {
            *shorts++ = ':';
        }
        if (command->options[i] == OPTION_HELP) {
            break;
        }
    }
    *shorts = 0;
}

/* getopt answers with a place or with a letter. */
static enum option_id which(const struct command *command, int answer)
{
    if (answer <= 16) {
        return command->options[answer - 1];
    }
    size_t i = 0;
    while (command->options[i] != OPTION_HELP && info[command->options[i]].letter != answer) {
        i++;
    }
    return command->options[i];
}

static bool take(const struct command *command, enum option_id id, const char *value,
                 struct pool *pool, struct options *out)
{
    if (out->value[id].count && !info[id].repeatable) {
        return wrong(command, "option given twice", info[id].name);
    }
    if (value && !*value) {
        return wrong(command, "option needs a value", info[id].name);
    }
    strings_add(pool, &out->value[id], value ? value : "");
    return true;
}

static bool complete(const struct command *command, size_t operands, const struct options *out)
{
    if (option_given(out, OPTION_HELP)) {
        return true;
    }
    size_t least = command->operand_count - command->operands_optional;
    if (operands < least || operands > command->operand_count) {
        return wrong(command,
                     operands < least ? "too few operands, it needs"
                                      : "too many operands, it takes",
                     command->operands);
    }
    for (const enum option_id *id = command->needed; *id != OPTION_CHAIN; id++) {
        if (!option_given(out, *id)) {
            return wrong(command, "option is missing", info[*id].name);
        }
    }
    return true;
}

/* Options and operands in any order, without getopt's reordering of argv, which POSIXLY_CORRECT
 * would switch off. */
bool options_parse(const struct command *command, int argc, char **argv, struct pool *pool,
                   struct options *out)
{
    struct option longs[17] = {{NULL, 0, NULL, 0}};
    char shorts[64];
    size_t operands = 0;
    bool only_operands = false;
    memset(out, 0, sizeof *out);
    describe(command, longs, shorts);
    opterr = 0;
    optind = 1;
    while (optind < argc) {
        int at = optind;
        int answer = only_operands ? -1 : getopt_long(argc, argv, shorts, longs, NULL);
        if (answer == -1) {
            only_operands = only_operands || optind > at;
            if (optind < argc && operands < OPERANDS_MAX) {
                out->operand[operands] = argv[optind];
            }
            operands += optind < argc;
            optind++;
            continue;
        }
        if (answer == '?' || answer == ':') {
            return wrong(command, answer == ':' ? "option needs a value" : "unknown option",
                         argv[at]);
        }
        if (!take(command, which(command, answer), optarg, pool, out)) {
            return false;
        }
    }
    return complete(command, operands, out);
}

static void option_help(enum option_id id)
{
    const struct option_info *o = &info[id];
    char left[80];
    char letter[8] = "    ";
    if (o->letter) {
        snprintf(letter, sizeof letter, "-%c, ", o->letter);
    }
    snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->value ? " " : "",
             o->value ? o->value : "");
    printf("  %s\n          %s%s\n", left, o->help, o->repeatable ? "; may be repeated" : "");
}

void options_help(const struct command *command)
{
    printf("usage: envelope %s %s", command->name, command->operands);
    for (const enum option_id *id = command->needed; *id != OPTION_CHAIN; id++) {
        printf(" --%s %s", info[*id].name, info[*id].value);
    }
    printf(" [options]\n\n%s\n\noptions:\n", command->summary);
    for (size_t i = 0;; i++) {
        option_help(command->options[i]);
        if (command->options[i] == OPTION_HELP) {
            break;
        }
    }
}
