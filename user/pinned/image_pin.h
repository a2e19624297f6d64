/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The image in force, reachable by path. The map `policy` tells its id only, and to open
 * a map by id takes CAP_SYS_ADMIN; so it has a pin of its own:
 *
 *	maps/image		the image in force
 *	maps/image_next		one that is being put in force
 *
 * Order of a publication: _announce(), the update of `policy`, _settle(). Wherever that is
 * interrupted, one of the two pins is the image in force: the one with the id that
 * `policy` tells. The same where `policy` itself is replaced by another map.
 */
#ifndef BG_PINNED_IMAGE_PIN_H
#define BG_PINNED_IMAGE_PIN_H

#define BG_IMAGE_PIN "image"
#define BG_IMAGE_NEXT_PIN "image_next"

/*
 * Opens the image that this policy map has in force, to be read. -ENOENT: it has none.
 * -EPERM: it has one, but that is pinned nowhere, and this process may not open it by its
 * id.
 */
int bg_image_open(const char *pin_dir, int policy_fd);

/* All return 0 or a negative errno. */
int bg_image_announce(const char *pin_dir, int image_fd);
int bg_image_settle(const char *pin_dir);
void bg_image_withdraw(const char *pin_dir); /* it was not put in force */

/* Pins the image in force if it is not. 1: it was not, 0: it was. */
int bg_image_pin(const char *pin_dir, int image_fd);

#endif
