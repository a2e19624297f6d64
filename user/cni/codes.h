/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The codes of errors, as the CNI's specification numbers them. */
#ifndef BG_CNI_CODES_H
#define BG_CNI_CODES_H

enum bg_cni_code {
	BG_CNI_DONE = 0,
	BG_CNI_VERSION = 1,	/* incompatible */
	BG_CNI_ENVIRONMENT = 4, /* a variable is missing or wrong */
	BG_CNI_IO = 5,
	BG_CNI_DECODE = 6,	   /* what was sent is not JSON, or of another shape */
	BG_CNI_CONFIG = 7,	   /* a value of it is wrong */
	BG_CNI_TRY_AGAIN = 11,	   /* later */
	BG_CNI_NOT_AVAILABLE = 50, /* of STATUS */
};

#endif
