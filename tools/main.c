/* envelope - keep encrypted restore points whose keys belong to somebody else. */
#include "options.h"
#include <envelope/base.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static const struct command *const commands[] = {
    &command_keystore_create,
    &command_keystore_add_key,
    &command_keystore_rotate,
    &command_keystore_list,
    &command_keystore_remove,
    &command_keystore_export,
    &command_init,
    &command_backup,
    &command_list,
    &command_restore,
    &command_verify,
    &command_refresh,
    &command_keys,
    &command_kms_list,
    &command_kms_keys,
    &command_kms_test,
    &command_kms_create_key,
    &command_kms_rotate,
    &command_forget,
    &command_serve,
    NULL,
};
static void help(FILE *to)
{
    fputs("usage: envelope COMMAND ...\n\n", to);
    for (size_t i = 0; commands[i]; i++) {
        fprintf(to, "  %-17s %-12s %s\n", commands[i]->name, commands[i]->operands,
                commands[i]->summary);
    }
    fputs("\n'envelope COMMAND --help' shows a command's options; man pages: envelope(1), "
          "envelope-backup(1) ...\n"
          "exit status: 0 done, 1 failed, 2 usage or configuration, 3 no key at hand opens it,\n"
          "             4 damaged, tampered or rolled back, 5 a KMS cannot be reached\n",
          to);
}

/* How many words of the line name the command: 0 if they do not. */
static int words_of(const struct command *command, int argc, char **argv)
{
    const char *second = strchr(command->name, ' ');
    if (!second) {
        return strcmp(argv[1], command->name) ? 0 : 1;
    }
    size_t first = (size_t)(second - command->name);
    bool same = argc > 2 && strlen(argv[1]) == first && !strncmp(argv[1], command->name, first) &&
                !strcmp(argv[2], second + 1);
    return same ? 2 : 0;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct pool pool = {NULL};
    struct options options;
    if (!options_parse(command, argc, argv, &pool, &options)) {
        pool_free(&pool);
        return END_USAGE;
    }
    struct report report;
    report_begin(&report, command->name,
                 option_given(&options, OPTION_JSON) && !option_given(&options, OPTION_HELP));
    int end = END_DONE;
    if (option_given(&options, OPTION_HELP)) {
        options_help(command);
    }
    if (!option_given(&options, OPTION_HELP)) {
        end = command->run(&report, &options);
    }
    end = report_end(&report, end);
    pool_free(&pool);
    return end;
}

int main(int argc, char **argv)
{
    /* A core file would hold passphrases. */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (argc < 2) {
        help(stderr);
        return END_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        help(stdout);
        return fflush(stdout) ? END_FAILED : END_DONE;
    }
    if (!strcmp(argv[1], "--version")) {
        uint32_t v = envelope_version();
        printf("envelope %u.%u.%u\n", v >> 16, v >> 8 & 0xff, v & 0xff);
        return fflush(stdout) ? END_FAILED : END_DONE;
    }
    for (size_t i = 0; commands[i]; i++) {
        int words = words_of(commands[i], argc, argv);
        if (words) {
            return run(commands[i], argc - words, argv + words);
        }
    }
    if (!strcmp(argv[1], "keystore") || !strcmp(argv[1], "kms")) {
        help(argc > 2 && !strcmp(argv[2], "--help") ? stdout : stderr);
        return argc > 2 && !strcmp(argv[2], "--help") ? END_DONE : END_USAGE;
    }
    fprintf(stderr, "envelope: no such command: %s\nTry 'envelope --help'.\n", argv[1]);
    return END_USAGE;
}
