/* tree.h - messages of KMIP in words, read and written apart from the library: a line for each
 * item, a blank in front for each level; a structure has only its name, the others their type's
 * letter and value: "BatchCount i 1", "UniqueIdentifier t 41", "Data y 00ff". Letters: i l n e b t
 * y d v. */
#ifndef TESTS_TREE_H
#define TESTS_TREE_H
#include <stddef.h>
#include <stdint.h>

/* The block ends where the bytes end; free(p). */
struct tree {
    uint8_t *p;
    size_t len;
};
struct tree tree_of(const char *text);
/* The program ends where the bytes are no message, or padding is not zero; free() it. */
char *tree_text(const void *bytes, size_t len);
/* The number of a name, and the other way round ("42ffff" where it has none). */
uint32_t tree_tag(const char *name);
void tree_name(uint32_t tag, char out[48]);

/* A response message of version 1.minor with one item: operation, success, payload (its lines
 * without blanks in front of the first level). */
struct tree tree_success(int minor, uint32_t operation, const char *payload);
/* The same of an item in words, its first line "BatchItem"; several are put behind each other. */
struct tree tree_response(int minor, int count, const char *items);
#endif
