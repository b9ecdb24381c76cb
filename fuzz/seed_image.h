/* seed_image.h - seeds of the targets image_map and image_read. */
#ifndef FUZZ_SEED_IMAGE_H
#define FUZZ_SEED_IMAGE_H
void seed_image(void);
#endif
