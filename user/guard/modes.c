// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Decides the mode of each branch. daemon/revision.c asks for the modes of a new model,
 * and applies before every publish and whenever interfaces change. Nothing is attached
 * or logged here, and nothing but a branch's mode is changed in a model.
 */
#include "guard/modes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "guard/plan.h"

/* How a branch was attached. */
struct attached {
	char id[64];
	__u32 ifindex;
	enum bg_mode mode;
};

struct bg_modes {
	enum bg_mode *asked;	    /* by index of the model's branches */
	bool *reported;		    /* that the feed's mode is not in effect */
	enum bg_mode *asked_before; /* by the model before */
	bool *reported_before;
	struct attached *attached;
	size_t count;
};

struct bg_modes *bg_modes_new(void)
{
	return calloc(1, sizeof(struct bg_modes));
}

void bg_modes_free(struct bg_modes *modes)
{
	if (!modes)
		return;
	free(modes->asked);
	free(modes->reported);
	free(modes->asked_before);
	free(modes->reported_before);
	free(modes->attached);
	free(modes);
}

static struct attached *find(struct bg_modes *modes, const char *id)
{
	for (size_t i = 0; i < modes->count; i++)
		if (!strncmp(modes->attached[i].id, id, sizeof(modes->attached[i].id) - 1))
			return &modes->attached[i];
	return NULL;
}

static int record(struct bg_modes *modes, const char *id, __u32 ifindex, enum bg_mode mode)
{
	struct attached *attached = find(modes, id);

	if (!attached) {
		attached = BG_GROW(modes->attached, modes->count);
		if (!attached)
			return -ENOMEM;
		snprintf(attached->id, sizeof(attached->id), "%s", id);
	}
	attached->ifindex = ifindex;
	attached->mode = mode;
	return 0;
}

int bg_modes_adopt(struct bg_modes *modes, const struct bg_branch_info *info)
{
	return info->ifindex ? record(modes, info->id, info->ifindex, info->mode) : 0;
}

int bg_modes_ask(struct bg_modes *modes, const struct bg_model *model)
{
	enum bg_mode *asked = calloc(model->branch_count + 1, sizeof(*asked));
	bool *reported = calloc(model->branch_count + 1, sizeof(*reported));

	if (!asked || !reported) {
		free(asked);
		free(reported);
		return -ENOMEM;
	}
	for (size_t i = 0; i < model->branch_count; i++)
		asked[i] = model->branches[i].asked_mode;
	free(modes->asked_before);
	free(modes->reported_before);
	modes->asked_before = modes->asked;
	modes->reported_before = modes->reported;
	modes->asked = asked;
	modes->reported = reported;
	return 0;
}

void bg_modes_ask_back(struct bg_modes *modes)
{
	free(modes->asked);
	free(modes->reported);
	modes->asked = modes->asked_before;
	modes->reported = modes->reported_before;
	modes->asked_before = NULL;
	modes->reported_before = NULL;
}

static bool mode_by_name(const struct bg_model_branch *branch, const struct bg_netdevs *netdevs,
			 enum bg_mode *mode)
{
	for (size_t i = 0; i < branch->pod_count; i++) {
		const struct bg_netdev *netdev = bg_pod_netdev(netdevs, &branch->pods[i]);

		if (netdev && bg_pod_name_mode(netdev->name, mode))
			return true;
	}
	return false;
}

/* The mode that is in effect: how the pod was attached, unless the feed may change it. */
static enum bg_mode mode_in_effect(const struct bg_model *model,
				   const struct bg_model_branch *branch, enum bg_mode asked,
				   const struct attached *attached, const struct bg_netdev *netdev,
				   const struct bg_netdevs *netdevs)
{
	enum bg_mode mode;

	if (model->node.live_mode_change)
		return asked;
	if (mode_by_name(branch, netdevs, &mode))
		return mode;
	if (netdev && attached && attached->ifindex == netdev->ifindex)
		return attached->mode;
	return asked;
}

int bg_modes_apply(struct bg_modes *modes, struct bg_model *model, const struct bg_netdevs *netdevs,
		   void (*kept)(const struct bg_model_branch *branch, enum bg_mode mode,
				enum bg_mode asked))
{
	int changed = 0;

	for (size_t i = 0; i < model->branch_count; i++) {
		struct bg_model_branch *branch = &model->branches[i];
		const struct bg_netdev *netdev = bg_netdev_by_name(netdevs, branch->interface);
		enum bg_mode asked = modes->asked[i];
		enum bg_mode mode = mode_in_effect(model, branch, asked, find(modes, branch->id),
						   netdev, netdevs);

		if (netdev && record(modes, branch->id, netdev->ifindex, mode))
			return -ENOMEM;
		if (mode != asked && !modes->reported[i])
			kept(branch, mode, asked);
		modes->reported[i] = mode != asked;
		changed += branch->mode != mode;
		branch->mode = mode;
	}
	return changed;
}
