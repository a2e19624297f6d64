// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Takes the pages of a sweep, one by one, and knows what makes one untrue: ids that come twice,
 * places that come again, an answer in which there is nothing where there must be something. ec2_client.c
 * calls it. It asks for nothing.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "fleet/aws/ec2_client.h"

#define READING "reading EC2's answers"
#define MOST_BYTES ((size_t)1 << 30)
/* Of one kind of answer: a server that has nothing can say for ever that more follows. */
#define MOST_PAGES 10000
#define MOST_NEXT_BYTES 8192

BG_CLEANUP_OF(json_decref, json_t)

/* What a page is read into, until it is known to be one. */
struct page {
	struct bg_ec2_sweep *sweep;
	char *next;
};

static void release_page(struct page *page)
{
	free(page->next);
}

static int note_id(struct bg_ec2_sweep *sweep, const char *id, struct bg_error *err)
{
	int is_new = bg_name_set_add(&sweep->seen, id);

	sweep->objects++;
	if (is_new < 0)
		return bg_no_memory(err, READING);
	return is_new ? 0
		      : bg_fail(err, -ESTALE,
				"%.64s comes twice: something changed while it was read, and all "
				"of it is asked for anew",
				id);
}

static int note_list(struct bg_ec2_sweep *sweep, const char *id, struct bg_error *err)
{
	if (strncmp(id, "pl-", 3) != 0 || !id[3] || id[3 + strspn(id + 3, "0123456789abcdef")] ||
	    strlen(id) > 64)
		return bg_fail(err, -EPROTO,
			       "a rule names a prefix list by no id (pl-...) that this program "
			       "knows");
	return bg_name_set_add(&sweep->lists, id) < 0 ? bg_no_memory(err, READING) : 0;
}

static int note(void *context, int mark, const char *text, struct bg_error *err)
{
	struct page *page = context;

	switch (mark) {
	case BG_EC2_ID:
		return note_id(page->sweep, text, err);
	case BG_EC2_LIST:
		return note_list(page->sweep, text, err);
	case BG_EC2_NEXT:
		page->next = *text ? strdup(text) : NULL;
		return *text && !page->next ? bg_no_memory(err, READING) : 0;
	default:
		return 0;
	}
}

/* The rest of the sweep asks for entries of the version that there is now, so that pages of them
 * are of one. Lists of AWS's own have none. */
static int note_versions(struct bg_ec2_sweep *sweep, const struct bg_json_writer *json,
			 struct bg_error *err)
{
	bg_cleanup(json_decref_at)
		json_t *root = json_loadb(json->text, json->length_bytes, 0, NULL);
	const json_t *list;
	size_t i;

	if (!sweep->versions)
		sweep->versions = calloc(sweep->lists.count + 1, sizeof(*sweep->versions));
	if (!root || !sweep->versions)
		return bg_no_memory(err, READING);
	json_array_foreach (json_object_get(root, "PrefixLists"), i, list) {
		const char *id = json_string_value(json_object_get(list, "PrefixListId"));
		const size_t *index = id ? bg_dict_find(&sweep->lists.by_name, id, strlen(id))
					 : NULL;

		if (index)
			sweep->versions[*index] =
				(unsigned long)json_integer_value(json_object_get(list, "Version"));
	}
	return 0;
}

static int put_text(struct bg_ec2_sweep *sweep, struct bg_json_writer *json, bool more,
		    struct bg_error *err)
{
	static const char next[] = ",\"NextToken\":\"more\"}";
	struct bg_ec2_text *added;

	if (more) {
		json->length_bytes--;
		bg_json_raw(json, next, strlen(next));
	}
	added = json->failed ? NULL : BG_GROW(sweep->texts.text, sweep->texts.count);
	if (!added)
		return bg_no_memory(err, READING);
	if (asprintf(&added->name, "ec2:%s",
		     sweep->action == BG_EC2_ENTRIES ? sweep->lists.name[sweep->list]
						     : bg_ec2_answers[sweep->action].command) < 0)
		added->name = NULL;
	/* (with as much memory as it needs) */
	added->text = malloc(json->length_bytes);
	if (!added->name || !added->text)
		return bg_no_memory(err, READING);
	memcpy(added->text, json->text, json->length_bytes);
	added->length_bytes = json->length_bytes;
	return 0;
}

/* Of lists, only ids are kept, and these are no longer than the text. */
static int count_bytes(struct bg_ec2_sweep *sweep, const struct bg_json_writer *json,
		       const char *next, struct bg_error *err)
{
	sweep->bytes += json->length_bytes + (next ? strlen(next) : 0);
	return sweep->bytes <= MOST_BYTES
		       ? 0
		       : bg_fail(err, -E2BIG, "found more than 1 GiB in all, expected no more");
}

static int check_next(struct bg_ec2_sweep *sweep, const char *next, struct bg_error *err)
{
	const struct bg_ec2_answer *answer = &bg_ec2_answers[sweep->action];
	int is_new;

	if (!next)
		return answer->has_some && !sweep->objects
			       ? bg_fail(err, -ENODATA,
					 "it answers that there is none at all: are region, "
					 "account and VPC right?")
			       : 0;
	if (strlen(next) > MOST_NEXT_BYTES)
		return bg_fail(
			err, -EPROTO,
			"the place of the next page has more than %d bytes, expected no more",
			MOST_NEXT_BYTES);
	is_new = bg_name_set_add(&sweep->places, next);
	if (is_new < 0)
		return bg_no_memory(err, READING);
	if (!is_new)
		return bg_fail(err, -EPROTO,
			       "the next page begins where one has begun already: it would never "
			       "end");
	return sweep->places.count < MOST_PAGES
		       ? 0
		       : bg_fail(err, -E2BIG,
				 "found %d pages, and each says that more follow: would it ever "
				 "end?",
				 MOST_PAGES);
}

int bg_ec2_take_page(struct bg_ec2_sweep *sweep, const char *body, size_t length_bytes,
		     struct bg_error *err)
{
	const struct bg_ec2_answer *answer = &bg_ec2_answers[sweep->action];
	bg_cleanup(bg_json_writer_free) struct bg_json_writer json = {};
	bg_cleanup(release_page) struct page page = { .sweep = sweep };
	int rc = bg_xml_read(body, length_bytes, answer->root, answer->fields, &json, note, &page,
			     err)
			 ?: check_next(sweep, page.next, err)
			 ?: count_bytes(sweep, &json, page.next, err);

	if (!rc && sweep->action == BG_EC2_LISTS)
		rc = note_versions(sweep, &json, err);
	else if (!rc)
		rc = put_text(sweep, &json, page.next, err);
	if (rc)
		return rc;
	free(sweep->next);
	sweep->next = bg_take_ptr(page.next);
	return 0;
}

void bg_ec2_texts_release(struct bg_ec2_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++) {
		free(texts->text[i].name);
		free(texts->text[i].text);
	}
	free(texts->text);
	*texts = (struct bg_ec2_texts){};
}

void bg_ec2_sweep_release(struct bg_ec2_sweep *sweep)
{
	free(sweep->next);
	bg_name_set_release(&sweep->seen);
	bg_name_set_release(&sweep->places);
	bg_name_set_release(&sweep->lists);
	free(sweep->versions);
	bg_ec2_texts_release(&sweep->texts);
	*sweep = (struct bg_ec2_sweep){};
}
