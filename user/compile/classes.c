// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One sweep over the sorted prefixes with a stack of those that are open. A
 * combination of sets that has a class already is found by a sum over its sets (a
 * hash); classes of equal sums are compared set by set. compile.c and special.c add
 * sets, compile.c has the classes built; what a set stands for is not known here.
 */
#include "compile/classes.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"

#define OPEN_MAX 130 /* nested distinct prefixes: 129 lengths */

struct open_prefix {
	__u64 hi, lo;
	__u32 length;
	__u32 class;
	__u32 first_new, new_count; /* sets that it adds, in sweep.added */
};

struct class_sum {
	__u64 a, b;
};

struct sweep {
	struct bg_classes *classes;
	struct open_prefix open[OPEN_MAX];
	int depth;
	__u32 *added; /* stack of sets that the open prefixes add */
	__u32 added_count;
	bool *inside;	      /* by set: is it in `added`? */
	struct class_sum sum; /* of `added` */

	struct class_sum *sums; /* by class */
	__u32 *set_counts;	/* by class: sets in all */
	__u32 *table;		/* sum → class, 0 = free */
	size_t class_room, own_room, table_size;
};

static void release_sweep(struct sweep *sweep)
{
	free(sweep->added);
	free(sweep->inside);
	free(sweep->sums);
	free(sweep->set_counts);
	free(sweep->table);
}

int bg_classes_add(struct bg_classes *classes, const struct bg_prefix *prefix, __u32 set)
{
	struct bg_class_item *item = BG_GROW(classes->items, classes->item_count);
	bool ipv6 = !bg_prefix_is_v4(prefix);

	if (!item)
		return -ENOMEM;
	bg_addr_key(&prefix->addr, ipv6, &item->hi, &item->lo);
	item->set = set;
	item->length = ipv6 ? prefix->length : prefix->length - BG_V4_BITS;
	item->ipv6 = ipv6;
	return 0;
}

static int compare(__u64 a, __u64 b)
{
	return a < b ? -1 : a > b;
}

static int compare_items(const void *left, const void *right)
{
	const struct bg_class_item *a = left, *b = right;

	if (a->ipv6 != b->ipv6)
		return compare(a->ipv6, b->ipv6);
	if (a->hi != b->hi)
		return compare(a->hi, b->hi);
	if (a->lo != b->lo)
		return compare(a->lo, b->lo);
	if (a->length != b->length)
		return compare(a->length, b->length);
	return compare(a->set, b->set);
}

static __u64 mix(__u64 value)
{
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
	value = (value ^ value >> 27) * 0x94d049bb133111eb;
	return value ^ value >> 31;
}

static void sum_add(struct class_sum *sum, __u32 set)
{
	sum->a += mix(2ull * set + 1);
	sum->b += mix(2ull * set + 2);
}

static void sum_remove(struct class_sum *sum, __u32 set)
{
	sum->a -= mix(2ull * set + 1);
	sum->b -= mix(2ull * set + 2);
}

static int grow(void *array, size_t room, size_t size)
{
	void *grown = reallocarray(*(void **)array, room, size);

	if (!grown)
		return -ENOMEM;
	*(void **)array = grown;
	return 0;
}

static int grow_classes(struct sweep *sweep)
{
	struct bg_classes *classes = sweep->classes;
	size_t room = sweep->class_room ? 2 * sweep->class_room : 256;
	size_t size = 4 * room;
	__u32 *table;

	if (grow(&classes->parent, room, sizeof(*classes->parent)) ||
	    grow(&classes->own_start, room + 1, sizeof(*classes->own_start)) ||
	    grow(&sweep->sums, room, sizeof(*sweep->sums)) ||
	    grow(&sweep->set_counts, room, sizeof(*sweep->set_counts)))
		return -ENOMEM;
	table = calloc(size, sizeof(*table));
	if (!table)
		return -ENOMEM;
	for (__u32 c = 1; c < classes->count; c++) {
		size_t place = sweep->sums[c].a & (size - 1);

		while (table[place])
			place = (place + 1) & (size - 1);
		table[place] = c;
	}
	free(sweep->table);
	sweep->table = table;
	sweep->table_size = size;
	sweep->class_room = room;
	return 0;
}

/* Is the class in exactly the sets of the open prefixes? */
static bool is_class(const struct sweep *sweep, __u32 class)
{
	const struct bg_classes *classes = sweep->classes;

	if (sweep->sums[class].a != sweep->sum.a || sweep->sums[class].b != sweep->sum.b ||
	    sweep->set_counts[class] != sweep->added_count)
		return false;
	for (; class; class = classes->parent[class])
		for (__u32 i = classes->own_start[class]; i < classes->own_start[class + 1]; i++)
			if (!sweep->inside[classes->own[i]])
				return false;
	return true;
}

/* Is it the class with this parent whose own sets are those from `first` on? Compared
 * first, since the sweep mostly finds this one. */
static bool has_own(const struct sweep *sweep, __u32 class, __u32 parent, __u32 first)
{
	const struct bg_classes *classes = sweep->classes;
	__u32 start = classes->own_start[class];
	__u32 count = classes->own_start[class + 1] - start;

	return classes->parent[class] == parent && count == sweep->added_count - first &&
	       !memcmp(&classes->own[start], &sweep->added[first], count * sizeof(__u32));
}

/* The class of the open prefixes; the sets from `first` on are new to `parent`. */
static int find_class(struct sweep *sweep, __u32 parent, __u32 first, __u32 *found)
{
	struct bg_classes *classes = sweep->classes;
	__u32 count = sweep->added_count - first, start;
	size_t place, mask = sweep->table_size - 1;

	for (place = sweep->sum.a & mask; sweep->table[place]; place = (place + 1) & mask) {
		__u32 class = sweep->table[place];

		if (has_own(sweep, class, parent, first) || is_class(sweep, class)) {
			*found = class;
			return 0;
		}
	}
	start = classes->own_start[classes->count];
	if (BG_RESERVE(classes->own, sweep->own_room, (size_t)start + count))
		return -ENOMEM;
	memcpy(classes->own + start, sweep->added + first, count * sizeof(*classes->own));
	*found = classes->count++;
	classes->parent[*found] = parent;
	classes->own_start[*found + 1] = start + count;
	sweep->sums[*found] = sweep->sum;
	sweep->set_counts[*found] = sweep->added_count;
	sweep->table[place] = *found;
	if (classes->count == sweep->class_room)
		return grow_classes(sweep);
	return 0;
}

static bool covers(const struct open_prefix *open, const struct bg_class_item *item)
{
	return (item->hi & bg_mask_hi(open->length)) == open->hi &&
	       (item->lo & bg_mask_lo(open->length)) == open->lo;
}

static void close_prefix(struct sweep *sweep)
{
	const struct open_prefix *open = &sweep->open[--sweep->depth];

	for (__u32 i = 0; i < open->new_count; i++) {
		__u32 set = sweep->added[--sweep->added_count];

		sweep->inside[set] = false;
		sum_remove(&sweep->sum, set);
	}
}

/* Opens one prefix: `count` items have it, one for each set that holds it. */
static int open_prefix(struct sweep *sweep, const struct bg_class_item *items, size_t count)
{
	struct bg_classes *classes = sweep->classes;
	__u32 family = items->ipv6 ? BG_CLASSES_V6 : BG_CLASSES_V4;
	struct open_prefix *open;
	__u32 parent;

	while (sweep->depth && !covers(&sweep->open[sweep->depth - 1], items))
		close_prefix(sweep);
	parent = sweep->depth ? sweep->open[sweep->depth - 1].class : 0;
	open = &sweep->open[sweep->depth++];
	*open = (struct open_prefix){ .hi = items->hi,
				      .lo = items->lo,
				      .length = items->length,
				      .class = parent,
				      .first_new = sweep->added_count };
	for (size_t i = 0; i < count; i++) {
		__u32 set = items[i].set;

		if (sweep->inside[set])
			continue;
		sweep->inside[set] = true;
		sweep->added[sweep->added_count++] = set;
		sum_add(&sweep->sum, set);
	}
	open->new_count = sweep->added_count - open->first_new;
	if (!open->new_count)
		return 0;
	if (find_class(sweep, parent, open->first_new, &open->class))
		return -ENOMEM;
	classes->prefixes[family][classes->prefix_count[family]++] = (struct bg_trie_prefix){
		.hi = items->hi, .lo = items->lo, .class = open->class, .length = items->length
	};
	return 0;
}

static bool same_prefix(const struct bg_class_item *a, const struct bg_class_item *b)
{
	return a->hi == b->hi && a->lo == b->lo && a->length == b->length && a->ipv6 == b->ipv6;
}

static int start_sweep(struct sweep *sweep)
{
	struct bg_classes *classes = sweep->classes;
	size_t of_family[2] = { 0, 0 };

	for (size_t i = 0; i < classes->item_count; i++)
		of_family[classes->items[i].ipv6]++;
	for (int family = 0; family < 2; family++) {
		classes->prefixes[family] =
			calloc(of_family[family] + 1, sizeof(*classes->prefixes[family]));
		if (!classes->prefixes[family])
			return -ENOMEM;
	}
	sweep->added = calloc((size_t)classes->set_count + 1, sizeof(*sweep->added));
	sweep->inside = calloc((size_t)classes->set_count + 1, sizeof(*sweep->inside));
	classes->own = calloc(1, sizeof(*classes->own));
	if (!sweep->added || !sweep->inside || !classes->own || grow_classes(sweep))
		return -ENOMEM;
	classes->count = 1;
	classes->parent[0] = 0;
	classes->own_start[0] = 0;
	classes->own_start[1] = 0;
	sweep->sums[0] = (struct class_sum){ 0, 0 };
	sweep->set_counts[0] = 0;
	return 0;
}

int bg_classes_build(struct bg_classes *classes)
{
	bg_cleanup(release_sweep) struct sweep sweep = { .classes = classes };
	const struct bg_class_item *items;
	int rc = start_sweep(&sweep);

	if (rc || !classes->item_count)
		return rc;
	qsort(classes->items, classes->item_count, sizeof(*classes->items), compare_items);
	items = classes->items;
	for (size_t i = 0, next; i < classes->item_count; i = next) {
		for (next = i + 1;
		     next < classes->item_count && same_prefix(&items[i], &items[next]); next++)
			;
		if (i && items[i].ipv6 != items[i - 1].ipv6)
			while (sweep.depth)
				close_prefix(&sweep);
		rc = open_prefix(&sweep, &items[i], next - i);
		if (rc)
			return rc;
	}
	return 0;
}

void bg_classes_release(struct bg_classes *classes)
{
	free(classes->items);
	free(classes->parent);
	free(classes->own_start);
	free(classes->own);
	free(classes->prefixes[0]);
	free(classes->prefixes[1]);
}
