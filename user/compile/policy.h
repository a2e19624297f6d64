/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One direction of one list of groups → struct bg_policy. */
#ifndef BG_COMPILE_POLICY_H
#define BG_COMPILE_POLICY_H

#include "base/cleanup.h"
#include "compile/classes.h"
#include "compile/services.h"
#include "feed/model.h"

struct bg_policies; /* what the policies of an image share */

/* 0, -ENOMEM, or -EINVAL when a rule has no number. The arguments must outlive the
 * result. */
int bg_policies_new(const struct bg_model *model, const struct bg_classes *classes,
		    struct bg_writer *writer, struct bg_policies **policies, struct bg_error *err);
void bg_policies_free(struct bg_policies *policies);
BG_CLEANUP_OF(bg_policies_free, struct bg_policies)

/* `groups` are indices in the model. All zero when no rule has this direction. */
int bg_policy_write(struct bg_policies *policies, const size_t *groups, size_t group_count,
		    enum bg_direction direction, struct bg_policy *out, struct bg_error *err);

/* How many distinct rows there are so far. */
size_t bg_policies_rows(const struct bg_policies *policies);

#endif
