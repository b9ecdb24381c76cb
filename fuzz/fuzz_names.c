/* Target functions: env_name_split, env_name_parse_chain, env_name_metadata_number,
 * env_name_object_id, env_name_is_keys_copy, env_name_is_object */
#include "format/names.h"
#include "fuzz.h"
#include <stdlib.h>
#include <string.h>

static void parse_rest(const char *rest)
{
    char made[ENV_NAME_MAX + 1];
    uint8_t id[ENV_OBJECT_ID_BYTES];
    uint64_t number = env_name_metadata_number(rest);
    bool has_id = env_name_object_id(rest, id);
    fuzz_must(!env_name_is_keys_copy(rest) || has_id, "a keys copy has an object id");
    fuzz_must(!has_id || env_name_is_object(rest), "an object id is an object's");
    if (number) {
        env_name_metadata(made, "", number);
        fuzz_must(!strcmp(made, rest), "a number is written as it was read");
    }
}

static void parse_folder(const char *folder)
{
    char name[65];
    char made[ENV_NAME_MAX + 1];
    uint8_t id[ENV_CHAIN_ID_BYTES] = {0};
    if (env_name_parse_chain(folder, name, id)) {
        env_name_chain(made, name, id);
        fuzz_must(!strcmp(made, folder), "a folder is written as it was read");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char folder[ENV_NAME_MAX + 1];
    const char *rest;
    char *name = malloc(size + 1);
    fuzz_must(name, "memory");
    if (size) {
        memcpy(name, data, size);
    }
    name[size] = 0;
    parse_folder(name);
    parse_rest(name);
    if (env_name_split(name, folder, &rest)) {
        fuzz_must(strlen(folder) + strlen(rest) == strlen(name), "nothing is lost");
        parse_folder(folder);
        parse_rest(rest);
    }
    free(name);
    return 0;
}
