// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads the state in force, and finds it again in a model. The file may be cut short, or be
 * somebody else's: it is believed no more than a feed is, and what it says of interfaces is
 * compared with those that there are. Called by the daemon when it starts; held_write.c
 * writes what is read here.
 */
#include "feed/held.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

#define HEAD "branchguard held 1"

struct lines {
	const char *at, *end;
	const char *word, *rest; /* of the present line, and its end */
	size_t number;
};

void bg_held_free(struct bg_held *held)
{
	for (size_t i = 0; i < held->branch_count; i++) {
		free(held->branches[i].id);
		free(held->branches[i].pods);
	}
	for (size_t i = 0; i < held->group_count; i++)
		free(held->groups[i].id);
	for (size_t i = 0; i < held->list_count; i++)
		free(held->lists[i].id);
	free(held->branches);
	free(held->groups);
	free(held->lists);
	*held = (struct bg_held){};
}

/* The next line, without its end; false: there is no whole one. */
static bool next_line(struct lines *lines)
{
	const char *end = memchr(lines->at, '\n', lines->end - lines->at);

	if (!end)
		return false;
	lines->word = lines->at;
	lines->rest = end;
	lines->at = end + 1;
	lines->number++;
	return true;
}

static bool starts(struct lines *lines, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(lines->rest - lines->word) < length || memcmp(lines->word, word, length) != 0)
		return false;
	lines->word += length;
	return true;
}

/* The next word of the line, or with `all` the rest of it, without what controls. */
static bool take(struct lines *lines, bool all, char *text, size_t size)
{
	size_t length = 0;

	while (lines->word + length < lines->rest && (all || lines->word[length] != ' ')) {
		unsigned char byte = lines->word[length++];

		if (byte < ' ' || byte == 0x7f)
			return false;
	}
	if (!length || length >= size)
		return false;
	memcpy(text, lines->word, length);
	text[length] = '\0';
	lines->word += length;
	if (lines->word < lines->rest)
		lines->word++;
	return true;
}

static bool take_number(struct lines *lines, __u64 most, __u64 *number)
{
	char text[24];

	if (!take(lines, false, text, sizeof(text)))
		return false;
	*number = 0;
	for (const char *digit = text; *digit; digit++) {
		if (*digit < '0' || *digit > '9' ||
		    __builtin_mul_overflow(*number, (__u64)10, number) ||
		    __builtin_add_overflow(*number, (__u64)(*digit - '0'), number))
			return false;
	}
	return *number <= most;
}

static bool take_interface(struct lines *lines, char name[16])
{
	memset(name, 0, 16);
	return take(lines, false, name, 16);
}

static int take_id(struct lines *lines, char **id)
{
	char text[128];

	if (!take(lines, true, text, sizeof(text)))
		return -EINVAL;
	*id = strdup(text);
	return *id ? 0 : -ENOMEM;
}

static int read_branch(struct lines *lines, struct bg_held *held)
{
	struct bg_held_branch *branch = BG_GROW(held->branches, held->branch_count);
	__u64 ifindex, vlan;

	if (!branch)
		return -ENOMEM;
	if (!take_number(lines, UINT64_MAX, &branch->since_ns) ||
	    !take_number(lines, INT32_MAX, &ifindex) || !take_number(lines, BG_VLANS, &vlan) ||
	    !take_interface(lines, branch->interface))
		return -EINVAL;
	branch->ifindex = (__u32)ifindex;
	branch->vlan = (int)vlan;
	return take_id(lines, &branch->id);
}

static int read_pod(struct lines *lines, struct bg_held *held)
{
	struct bg_held_branch *branch;
	struct bg_held_pod *pod;
	__u64 ifindex;

	if (!held->branch_count)
		return -EINVAL;
	branch = &held->branches[held->branch_count - 1];
	pod = BG_GROW(branch->pods, branch->pod_count);
	if (!pod)
		return -ENOMEM;
	if (!take_number(lines, INT32_MAX, &ifindex) || !take_interface(lines, pod->interface))
		return -EINVAL;
	pod->ifindex = (__u32)ifindex;
	return lines->word == lines->rest ? 0 : -EINVAL;
}

static int read_since(struct lines *lines, struct bg_held_since **list, size_t *count)
{
	struct bg_held_since *since = BG_GROW(*list, *count);

	if (!since)
		return -ENOMEM;
	if (!take_number(lines, UINT64_MAX, &since->since_ns))
		return -EINVAL;
	return take_id(lines, &since->id);
}

static bool is_hash(const char *text)
{
	return strlen(text) == BG_HELD_SHA256 - 1 &&
	       strspn(text, "0123456789abcdef") == BG_HELD_SHA256 - 1;
}

static int read_head(struct lines *lines, struct bg_held *held)
{
	__u64 slot;

	if (!next_line(lines) || !starts(lines, HEAD) || lines->word != lines->rest ||
	    !next_line(lines) || !starts(lines, "boot ") ||
	    !take(lines, true, held->boot, sizeof(held->boot)) || !next_line(lines) ||
	    !starts(lines, "text ") || !take_number(lines, 1, &slot) ||
	    !take(lines, true, held->sha256, sizeof(held->sha256)) || !is_hash(held->sha256))
		return -EINVAL;
	held->slot = (unsigned int)slot;
	return 0;
}

static int read_lines(struct lines *lines, struct bg_held *held)
{
	int rc = read_head(lines, held);

	while (!rc) {
		if (!next_line(lines))
			return -EINVAL;
		if (starts(lines, "branch ")) {
			rc = read_branch(lines, held);
		} else if (starts(lines, "pod ")) {
			rc = read_pod(lines, held);
		} else if (starts(lines, "group ")) {
			rc = read_since(lines, &held->groups, &held->group_count);
		} else if (starts(lines, "list ")) {
			rc = read_since(lines, &held->lists, &held->list_count);
		} else if (starts(lines, "feed ")) {
			__u64 bytes;

			if (!take_number(lines, BG_HELD_MAX_BYTES, &bytes) ||
			    bytes != (__u64)(lines->end - lines->at))
				return -EINVAL;
			held->feed = lines->at;
			held->feed_bytes = bytes;
			return 0;
		} else {
			rc = -EINVAL;
		}
	}
	return rc;
}

int bg_held_read(const char *text, size_t length_bytes, struct bg_held *held, struct bg_error *err)
{
	struct lines lines = { .at = text, .end = text + length_bytes };
	struct bg_held read = {};
	int rc = read_lines(&lines, &read);

	if (!rc) {
		*held = read;
		return 0;
	}
	bg_held_free(&read);
	if (rc == -ENOMEM)
		return bg_no_memory(err, "reading the state in force");
	return bg_fail(err, rc, "the state in force: line %zu is cut short or damaged",
		       lines.number);
}

/* --- finding it again -------------------------------------------------------------- */

static void apply_pods(const struct bg_held_branch *held, struct bg_model_branch *branch)
{
	for (size_t i = 0; i < branch->pod_count; i++) {
		struct bg_model_pod *pod = &branch->pods[i];

		for (size_t k = 0; k < held->pod_count && *pod->host_interface; k++)
			if (!strcmp(held->pods[k].interface, pod->host_interface))
				pod->ifindex = held->pods[k].ifindex;
	}
}

static __u64 since_of(const struct bg_held_since *list, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(list[i].id, id))
			return list[i].since_ns;
	return 0;
}

void bg_held_apply(const struct bg_held *held, bool since, struct bg_model *model)
{
	for (size_t i = 0; i < model->branch_count; i++) {
		struct bg_model_branch *branch = &model->branches[i];

		for (size_t k = 0; k < held->branch_count; k++) {
			const struct bg_held_branch *from = &held->branches[k];

			if (from->vlan != branch->vlan || strcmp(from->id, branch->id) != 0 ||
			    strcmp(from->interface, branch->interface) != 0)
				continue;
			branch->ifindex = from->ifindex;
			if (since)
				branch->kept_since_ns = from->since_ns;
			apply_pods(from, branch);
		}
	}
	for (size_t i = 0; i < model->group_count && since; i++)
		model->groups[i].kept_since_ns =
			since_of(held->groups, held->group_count, model->groups[i].id);
	for (size_t i = 0; i < model->set_count && since; i++)
		if (model->sets[i].kind == BG_SET_LIST)
			model->sets[i].kept_since_ns =
				since_of(held->lists, held->list_count, model->sets[i].name);
}
