/* fuzz_image_read.h - what the inputs of image_map and image_read look like, for their seeds.
 *
 * image_read: u8 flags | u8 whole chunks of the plaintext | u8 bytes behind them | records |
 * footer. A record: u8 chunk | u16 place in it | u8 length | bytes; the rest of the plaintext is
 * zero. */
#ifndef FUZZ_IMAGE_READ_H
#define FUZZ_IMAGE_READ_H

enum {
    IMAGE_MAP_BYTES = 8 + 8 + 16, /* u64 objects | location | directory entry */
    IMAGE_READ_BELIEVED = 1       /* other objects are of the point's generation */
};
#endif
