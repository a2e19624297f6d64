// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Lists of errors and warnings. The parser fills them, feed.c sorts them, and everybody
 * who prints them asks here how a place is written. Never decides what is an error.
 */
#include "feed/problems.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

void bg_problems_free(struct bg_problems *problems)
{
	for (size_t i = 0; i < problems->count; i++) {
		free(problems->problem[i].pointer);
		free(problems->problem[i].text);
	}
	free(problems->problem);
	*problems = (struct bg_problems){};
}

int bg_problems_add(struct bg_problems *problems, const char *pointer, struct bg_place place,
		    const char *text)
{
	struct bg_problem added = { .place = place }, *problem;

	if (problems->count >= BG_ERRORS_MOST) {
		problems->more++;
		return 0;
	}
	added.pointer = strdup(pointer);
	added.text = strdup(text);
	problem = added.pointer && added.text ? BG_GROW(problems->problem, problems->count) : NULL;
	if (!problem) {
		free(added.pointer);
		free(added.text);
		return -ENOMEM;
	}
	*problem = added;
	return 0;
}

int bg_problems_add_error(struct bg_problems *problems, const struct bg_error *err,
			  struct bg_place place)
{
	char pointer[BG_POINTER_TEXT];
	size_t bytes = err->place_bytes;

	snprintf(pointer, sizeof(pointer), "%.*s", (int)bytes, err->text);
	return bg_problems_add(problems, pointer, place, err->text + (bytes ? bytes + 2 : 0));
}

int bg_problems_add_last(struct bg_problems *problems, const struct bg_error *err,
			 struct bg_place place)
{
	struct bg_problem *last;

	if (problems->count == BG_ERRORS_MOST) {
		last = &problems->problem[--problems->count];
		free(last->pointer);
		free(last->text);
		problems->more++;
	}
	return bg_problems_add_error(problems, err, place);
}

static int compare(const void *a, const void *b)
{
	const struct bg_problem *x = a, *y = b;

	/* 0, no place, comes behind all others */
	if (x->place.line != y->place.line)
		return x->place.line - 1 < y->place.line - 1 ? -1 : 1;
	if (x->place.column != y->place.column)
		return x->place.column < y->place.column ? -1 : 1;
	return strcmp(x->text, y->text);
}

void bg_problems_sort(struct bg_problems *problems)
{
	if (problems->count)
		qsort(problems->problem, problems->count, sizeof(*problems->problem), compare);
}

char *bg_problem_head(const struct bg_problem *problem, char *head)
{
	int used = 0;

	head[0] = '\0';
	if (problem->place.line)
		used = snprintf(head, BG_PROBLEM_HEAD, "%u:%u: ", problem->place.line,
				problem->place.column);
	if (*problem->pointer)
		snprintf(head + used, BG_PROBLEM_HEAD - used, "%s: ", problem->pointer);
	return head;
}

void bg_problems_sum_up(const struct bg_problems *problems, const char *name, struct bg_error *err)
{
	const struct bg_problem *first = &problems->problem[0];
	size_t more = problems->count - 1 + problems->more;
	char head[BG_PROBLEM_HEAD];

	bg_problem_head(first, head);
	if (!more)
		bg_fail(err, 0, "%s:%s%s%s", name, first->place.line ? "" : " ", head, first->text);
	else
		bg_fail(err, 0, "%s:%s%s%s (and %zu more error%s)", name,
			first->place.line ? "" : " ", head, first->text, more,
			more == 1 ? "" : "s");
}
