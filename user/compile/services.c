// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The key spaces are cut where a spec begins or ends; then each spec splits the
 * classes of the intervals that it covers (partition refinement). The cost is
 * the number of (spec, interval) pairs that overlap, not of all pairs. policy.c calls
 * it for each policy; it knows neither addresses nor rule numbers.
 */
#include "compile/services.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "protocol.h"

#define PORTS 65536

static const __u32 space_size[BG_SPACES] = {
	[BG_SPACE_TCP] = PORTS,	   [BG_SPACE_UDP] = PORTS, [BG_SPACE_ICMP] = PORTS,
	[BG_SPACE_ICMPV6] = PORTS, [BG_SPACE_OTHER] = 256,
};

/* What a spec covers in one space, both ends included. */
struct range {
	__u32 first, last;
	bool empty;
};

struct cut {
	__u32 *start; /* of the intervals of all spaces, one space after the other */
	__u32 *class_of;
	__u32 first[BG_SPACES + 1]; /* first interval of a space */
	/* by class */
	__u32 *members;	   /* intervals in it */
	__u32 *split_into; /* the class that it was last split into */
	__u32 *split_by;   /* the spec that did so + 1 */
	__u32 *free;	   /* class numbers to use again */
	__u32 free_count, class_count;
};

static void release_cut(struct cut *cut)
{
	free(cut->start);
	free(cut->class_of);
	free(cut->members);
	free(cut->split_into);
	free(cut->split_by);
	free(cut->free);
}

static struct range ports(int from, int to)
{
	if (from < 0)
		from = 0;
	if (to < 0 || to >= PORTS)
		to = PORTS - 1;
	return (struct range){ .first = from, .last = to, .empty = from > to };
}

static struct range icmp(int type, int code)
{
	if (type < 0)
		return (struct range){ .first = 0, .last = PORTS - 1 };
	if (type > 255 || code > 255)
		return (struct range){ .empty = true };
	return (struct range){ .first = type << 8 | (code < 0 ? 0 : code),
			       .last = type << 8 | (code < 0 ? 255 : code) };
}

static struct range range_of(const struct bg_spec *spec, enum bg_service_space space)
{
	int protocol = spec->protocol;

	if (protocol < 0)
		return (struct range){ .first = 0, .last = space_size[space] - 1 };
	if (space != bg_space_of(protocol) || protocol > 255)
		return (struct range){ .empty = true };
	if (bg_has_ports(protocol))
		return ports(spec->from_port, spec->to_port);
	if (bg_is_icmp(protocol))
		return icmp(spec->from_port, spec->to_port);
	return (struct range){ .first = protocol, .last = protocol };
}

static int compare_cells(const void *left, const void *right)
{
	__u32 a = *(const __u32 *)left, b = *(const __u32 *)right;

	return a < b ? -1 : a > b;
}

/* Appends the starts of the intervals of a space: sorted, distinct, 0 first. */
static void cut_space(struct cut *cut, const struct bg_spec *specs, size_t count,
		      enum bg_service_space space)
{
	__u32 *start = cut->start + cut->first[space];
	__u32 found = 0, kept = 0;

	start[found++] = 0;
	for (size_t i = 0; i < count; i++) {
		struct range range = range_of(&specs[i], space);

		if (range.empty)
			continue;
		start[found++] = range.first;
		if (range.last + 1 < space_size[space])
			start[found++] = range.last + 1;
	}
	qsort(start, found, sizeof(*start), compare_cells);
	for (__u32 i = 0; i < found; i++)
		if (!i || start[i] != start[kept - 1])
			start[kept++] = start[i];
	cut->first[space + 1] = cut->first[space] + kept;
}

static int make_cut(struct cut *cut, const struct bg_spec *specs, size_t count)
{
	__u32 intervals;

	cut->start = calloc(BG_SPACES * (2 * count + 1), sizeof(*cut->start));
	if (!cut->start)
		return -ENOMEM;
	for (int space = 0; space < BG_SPACES; space++)
		cut_space(cut, specs, count, space);
	intervals = cut->first[BG_SPACES];
	/* each class has an interval, but for class 0 and for one that is just being split */
	cut->class_of = calloc(intervals, sizeof(*cut->class_of));
	cut->members = calloc(intervals + 2, sizeof(*cut->members));
	cut->split_into = calloc(intervals + 2, sizeof(*cut->split_into));
	cut->split_by = calloc(intervals + 2, sizeof(*cut->split_by));
	cut->free = calloc(intervals + 2, sizeof(*cut->free));
	if (!cut->class_of || !cut->members || !cut->split_into || !cut->split_by || !cut->free)
		return -ENOMEM;
	cut->members[0] = intervals;
	cut->class_count = 1;
	return 0;
}

/* The first interval of a space that starts at `point` or behind it. */
static __u32 find_interval(const struct cut *cut, enum bg_service_space space, __u32 point)
{
	__u32 low = cut->first[space], high = cut->first[space + 1];

	while (low < high) {
		__u32 middle = low + (high - low) / 2;

		if (cut->start[middle] < point)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Which intervals each spec covers: a span in each space, or in one. */
static int make_spans(struct bg_services *services, const struct cut *cut,
		      const struct bg_spec *specs, size_t count)
{
	__u32 used = 0;

	services->start = calloc(count + 1, sizeof(*services->start));
	services->spans = calloc(count * BG_SPACES, sizeof(*services->spans));
	if (!services->start || !services->spans)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		for (int space = 0; space < BG_SPACES; space++) {
			struct range range = range_of(&specs[i], space);

			if (!range.empty)
				services->spans[used++] = (struct bg_span){
					.first = find_interval(cut, space, range.first),
					.end = find_interval(cut, space, range.last + 1),
				};
		}
		services->start[i + 1] = used;
	}
	return 0;
}

static void split_interval(struct cut *cut, __u32 interval, __u32 spec)
{
	__u32 old = cut->class_of[interval], new;

	if (cut->split_by[old] != spec + 1) {
		cut->split_by[old] = spec + 1;
		cut->split_into[old] = cut->free_count ? cut->free[--cut->free_count]
						       : cut->class_count++;
	}
	new = cut->split_into[old];
	cut->class_of[interval] = new;
	cut->members[new]++;
	cut->members[old]--;
	if (old && !cut->members[old])
		cut->free[cut->free_count++] = old;
}

static void refine(struct cut *cut, const struct bg_services *services, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (__u32 n = services->start[i]; n < services->start[i + 1]; n++)
			for (__u32 k = services->spans[n].first; k < services->spans[n].end; k++)
				split_interval(cut, k, i);
}

/* Numbers the classes in the order in which they appear. */
static __u32 renumber(struct cut *cut)
{
	__u32 *number = cut->split_into, count = 1;

	memset(number, 0, cut->class_count * sizeof(*number));
	for (__u32 i = 0; i < cut->first[BG_SPACES]; i++) {
		__u32 class = cut->class_of[i];

		if (class && !number[class])
			number[class] = count++;
		cut->class_of[i] = number[class];
	}
	return count;
}

static int write_space(struct bg_writer *writer, const struct cut *cut, enum bg_service_space space,
		       __u32 *vector, struct bg_error *err)
{
	__u32 head[PORTS / BG_CHUNK_CELLS], values[BG_CHUNK_CELLS];
	__u32 chunks = space_size[space] / BG_CHUNK_CELLS;
	__u32 interval = cut->first[space], end = cut->first[space + 1];

	for (__u32 chunk = 0; chunk < chunks; chunk++) {
		__u32 from = chunk * BG_CHUNK_CELLS, to = from + BG_CHUNK_CELLS;
		int rc;

		while (interval + 1 < end && cut->start[interval + 1] <= from)
			interval++;
		if (interval + 1 == end || cut->start[interval + 1] >= to) {
			rc = bg_writer_uniform(writer, cut->class_of[interval], &head[chunk], err);
		} else {
			for (__u32 point = from; point < to; point++) {
				while (interval + 1 < end && cut->start[interval + 1] <= point)
					interval++;
				values[point - from] = cut->class_of[interval];
			}
			rc = bg_writer_run(writer, values, BG_CHUNK_CELLS, &head[chunk], err);
		}
		if (rc)
			return rc;
	}
	return bg_writer_run(writer, head, chunks, vector, err);
}

int bg_services_build(struct bg_services *services, struct bg_writer *writer,
		      const struct bg_spec *specs, size_t count, struct bg_error *err)
{
	bg_cleanup(release_cut) struct cut cut = { .start = NULL };

	memset(services, 0, sizeof(*services));
	if (make_cut(&cut, specs, count) || make_spans(services, &cut, specs, count))
		return bg_no_memory(err, BG_COMPILING);
	refine(&cut, services, count);
	services->count = renumber(&cut);
	for (int space = 0; space < BG_SPACES; space++) {
		int rc = write_space(writer, &cut, space, &services->vector[space], err);

		if (rc)
			return rc;
	}
	services->class_of = bg_take_ptr(cut.class_of);
	return 0;
}

void bg_services_release(struct bg_services *services)
{
	free(services->start);
	free(services->spans);
	free(services->class_of);
}
