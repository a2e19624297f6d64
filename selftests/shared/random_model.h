/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Models at random, and questions about them that aim where mistakes are: at
 * the edges of prefixes, port ranges and types. The same seed gives the same.
 */
#ifndef RANDOM_MODEL_H
#define RANDOM_MODEL_H

#include "feed/model.h"
#include "oracle.h"

struct random_source {
	__u64 state;
};

/* SEED of the environment, or a fixed one; prints it, so that a failure can be
 * had again. */
struct random_source random_seeded(void);
__u64 random_bits(struct random_source *source);
__u32 random_below(struct random_source *source, __u32 limit); /* limit > 0 */

/* To be freed with bg_model_free(). */
struct bg_model *random_model(struct random_source *source);
/* Any address of either family, most often near a prefix of the model. */
struct bg_addr random_addr(struct random_source *source, const struct bg_model *model);
struct oracle_service random_service(struct random_source *source, const struct bg_model *model);

/* An address, or a prefix, among many that are near each other. */
struct bg_addr random_near(struct random_source *source);
struct bg_prefix random_prefix(struct random_source *source);

#endif
