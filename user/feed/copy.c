// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Copies of the parts of a model, which share nothing with what they are of. merge.c makes a
 * model of them; a copy that fails half way can be freed as any other.
 */
#include "feed/copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

void *bg_copy_array(const void *from, size_t count, size_t entry_bytes)
{
	size_t room = 1;
	void *to;

	if (!count)
		return NULL;
	while (room < count)
		room *= 2;
	to = calloc(room, entry_bytes);
	if (to)
		memcpy(to, from, count * entry_bytes);
	return to;
}

/* Replaces an array that was copied with its owner by one of its own. */
#define OWN(array, count)                                                                          \
	({                                                                                         \
		(array) = bg_copy_array((array), (count), sizeof(*(array)));                       \
		!(count) || (array) ? 0 : -ENOMEM;                                                 \
	})

int bg_own_text(char **text)
{
	if (!*text)
		return 0;
	*text = strdup(*text);
	return *text ? 0 : -ENOMEM;
}

static void forget_pods(struct bg_model_branch *branch)
{
	branch->pods = NULL;
	branch->pod_count = 0;
}

/* Each of these makes all pointers of the copy its own, whatever fails, so that it can be
 * freed at any time: so all are tried, and their codes joined by |. */
static int copy_pod(const struct bg_model_pod *from, struct bg_model_pod *to)
{
	*to = *from;
	/* none of them may be left behind as another's */
	return bg_own_text(&to->namespace) | bg_own_text(&to->name) |
	       OWN(to->addresses, to->address_count) | OWN(to->probes, to->probe_count);
}

int bg_copy_branch(const struct bg_model_branch *from, struct bg_model_branch *to)
{
	*to = *from;
	forget_pods(to);
	if (bg_own_text(&to->id) | OWN(to->groups, to->group_count))
		return -ENOMEM;
	for (size_t i = 0; i < from->pod_count; i++) {
		struct bg_model_pod *pod = BG_GROW(to->pods, to->pod_count);

		if (!pod || copy_pod(&from->pods[i], pod))
			return -ENOMEM;
	}
	return 0;
}

static int copy_node(const struct bg_model_node *from, struct bg_model_node *to)
{
	*to = *from;
	return bg_own_text(&to->name) | OWN(to->addresses, to->address_count) |
	       OWN(to->groups, to->group_count) | OWN(to->vpc_cidrs, to->vpc_cidr_count) |
	       OWN(to->service_cidrs, to->service_cidr_count) |
	       OWN(to->exclude_snat_cidrs, to->exclude_snat_cidr_count) |
	       OWN(to->probe_sources, to->probe_source_count) |
	       OWN(to->local_services, to->local_service_count);
}

int bg_copy_group(const struct bg_group *from, struct bg_group *to)
{
	*to = *from;
	return bg_own_text(&to->id) | bg_own_text(&to->name);
}

int bg_copy_set(const struct bg_set *from, struct bg_set *to)
{
	*to = *from;
	return bg_own_text(&to->name) | OWN(to->prefixes, to->prefix_count);
}

static int copy_interface(const struct bg_model_interface *from, struct bg_model_interface *to)
{
	*to = *from;
	return bg_own_text(&to->id) | OWN(to->groups, to->group_count) |
	       OWN(to->prefixes, to->prefix_count);
}

static int copy_account(const struct bg_group_account *from, struct bg_group_account *to)
{
	*to = *from;
	return bg_own_text(&to->group_id) | bg_own_text(&to->account);
}

static int copy_warning(struct bg_model *model, const struct bg_problem *from)
{
	int rc = bg_model_warn(model, from->pointer, "%s", from->text);

	if (!rc)
		model->warnings[model->warning_count - 1].place = from->place;
	return rc;
}

int bg_copy_rest(const struct bg_model *from, struct bg_model *to)
{
	to->revision = strdup(from->revision);
	if (!to->revision)
		return -ENOMEM;
	for (size_t i = 0; i < from->warning_count; i++)
		if (copy_warning(to, &from->warnings[i]))
			return -ENOMEM;
	for (size_t i = 0; i < from->interface_count; i++) {
		struct bg_model_interface *interface = BG_GROW(to->interfaces, to->interface_count);

		if (!interface || copy_interface(&from->interfaces[i], interface))
			return -ENOMEM;
	}
	for (size_t i = 0; i < from->account_count; i++) {
		struct bg_group_account *account = BG_GROW(to->accounts, to->account_count);

		if (!account || copy_account(&from->accounts[i], account))
			return -ENOMEM;
	}
	return copy_node(&from->node, &to->node);
}
