/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is wrong with a document, or may be: errors and warnings, each with its place. */
#ifndef BG_FEED_PROBLEMS_H
#define BG_FEED_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "feed/json.h"

struct bg_problem {
	char *pointer;	       /* JSON pointer; "": the document as a whole */
	struct bg_place place; /* of what the pointer points to */
	char *text;
};

/* No more errors than this are told one by one. */
#define BG_ERRORS_MOST 20

struct bg_problems {
	struct bg_problem *problem;
	size_t count;
	size_t more; /* beyond those, only counted */
};

void bg_problems_free(struct bg_problems *problems); /* {} is fine; leaves {} behind */

static inline size_t bg_problems_all(const struct bg_problems *problems)
{
	return problems->count + problems->more;
}

/* Adds one, or only counts it if there are BG_ERRORS_MOST; 0 or -ENOMEM. */
int bg_problems_add(struct bg_problems *problems, const char *pointer, struct bg_place place,
		    const char *text);

/* Adds what a function that reads a document failed with. */
int bg_problems_add_error(struct bg_problems *problems, const struct bg_error *err,
			  struct bg_place place);

/* The same for one that ended the reading: it takes the place of the last if there are
 * BG_ERRORS_MOST already. */
int bg_problems_add_last(struct bg_problems *problems, const struct bg_error *err,
			 struct bg_place place);

/* By place, and those without one last. */
void bg_problems_sort(struct bg_problems *problems);

/* "12:5: /Node/Name: ", "/Node/Name: " or "": what stands in front of a problem's text.
 * `head` holds BG_PROBLEM_HEAD bytes. */
#define BG_PROBLEM_HEAD (BG_POINTER_TEXT + 32)
char *bg_problem_head(const struct bg_problem *problem, char *head);

/* The first problem of a refused document, and how many more there are. */
void bg_problems_sum_up(const struct bg_problems *problems, const char *name, struct bg_error *err);

/* places.c: finds the places of the pointers that have none yet; those that lead nowhere in
 * this text keep none. 0 or -ENOMEM. */
int bg_problems_locate(struct bg_problem *problems, size_t count, const char *text,
		       size_t length_bytes);

#endif
