// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests that list and write parts. target_k8s.c calls it; what to write is decided by
 * standing.c. It tries nothing again, and when it does not know what became of a write, it says
 * so by forgetting that it knew what there is.
 */
#include "fleet/kube/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fleet/kube/objects.h"
#include "fleet/kube/resource.h"
#include "fleet/web/refused.h"

#define PAGE_QUERY "limit=100"
#define PAGE_BYTES (32u << 20)
#define LIST_BYTES (256u << 20)
/* How often a list is begun anew that has become too old under way. */
#define LISTS 3
/* What the server has made of what was written. */
#define ANSWER_BYTES (8u << 20)
#define AT_A_TIME 8
/* So many parts may be refused before it is no use to go on. */
#define REFUSALS 32

/* --- listing --- */

struct listing {
	struct bg_k8s_store *store;
	enum bg_part_kind kind;
	void (*bad)(const char *text);
	struct bg_standing read;
	size_t bytes;
	char *more;
	bool ended;
	int rc;
	struct bg_error err;
};

static int take_page(struct listing *listing, const struct bg_web_answer *answer,
		     struct bg_error *err)
{
	struct bg_k8s_page page;
	json_t *object;
	size_t i;
	int rc = bg_k8s_read_page(bg_part_kinds[listing->kind], answer->body, answer->length_bytes,
				  &page, err);

	if (rc)
		return rc;
	listing->bytes += answer->length_bytes;
	if (listing->bytes > LIST_BYTES)
		rc = bg_fail(err, -E2BIG, "found more than %u bytes, expected no more", LIST_BYTES);
	json_array_foreach (page.objects, i, object)
		rc = rc
			     ?: bg_standing_put(&listing->read, listing->kind, object, listing->bad,
						err);
	free(listing->more);
	listing->more = bg_take_ptr(page.more);
	bg_k8s_release_page(&page);
	return rc;
}

static void page_ended(void *context, const struct bg_web_answer *answer, int rc,
		       const struct bg_error *err)
{
	struct listing *listing = context;

	listing->ended = true;
	if (rc) {
		listing->err = *err;
	} else if (answer->status != 200) {
		rc = bg_web_refused(listing->store->server, answer, &listing->err);
		listing->store->retry_after_ms = answer->retry_after_ms;
	} else {
		rc = take_page(listing, answer, &listing->err);
		if (rc)
			bg_fail_in(&listing->err, rc, "%s: listing %s", listing->store->server,
				   bg_part_kinds[listing->kind]);
	}
	listing->rc = rc;
}

static int list_page(struct listing *listing)
{
	struct bg_k8s_store *store = listing->store;
	bg_auto_free char *url = bg_k8s_url(store->server, bg_watched_parts[listing->kind].path,
					    NULL, PAGE_QUERY, listing->more);
	const struct bg_web_request request = {
		.url = url,
		.most_bytes = PAGE_BYTES,
		.ended = page_ended,
		.context = listing,
	};
	struct bg_web_transfer *transfer;
	int rc = url ? bg_web_start(store->web, &request, &transfer, &listing->err)
		     : bg_no_memory(&listing->err, "%s", store->server);

	if (rc)
		return rc;
	listing->ended = false;
	while (!listing->ended && !rc) {
		rc = store->wait(store->context, &listing->err);
		if (rc && !listing->ended)
			bg_web_cancel(transfer);
	}
	return rc ?: listing->rc;
}

/* Pages of one kind, from the first to the last. */
static int list_kind(struct listing *listing)
{
	int rc;

	json_decref(listing->read.kind[listing->kind]);
	listing->read.kind[listing->kind] = NULL;
	listing->bytes = 0;
	do
		rc = list_page(listing);
	while (!rc && listing->more);
	free(bg_take_ptr(listing->more));
	return rc;
}

int bg_k8s_store_list(struct bg_k8s_store *store, void (*bad)(const char *text),
		      struct bg_error *err)
{
	struct listing listing = { .store = store, .bad = bad };
	int rc = 0;

	store->known = false;
	store->retry_after_ms = 0;
	for (int kind = 0; kind < BG_PART_KINDS && !rc; kind++) {
		listing.kind = kind;
		rc = list_kind(&listing);
		for (int i = 1; i < LISTS && rc == -ESTALE; i++)
			rc = list_kind(&listing);
	}
	if (rc) {
		*err = listing.err;
		bg_standing_release(&listing.read);
		return rc;
	}
	bg_standing_release(&store->standing);
	store->standing = listing.read;
	store->known = true;
	return 0;
}

/* --- writing --- */

struct writing;

struct slot {
	struct writing *writing;
	const struct bg_k8s_write *write; /* NULL: it is free */
	struct bg_web_transfer *transfer;
	size_t bytes;
};

struct writing {
	struct bg_k8s_store *store;
	const struct bg_k8s_writes *writes;
	struct bg_parts_written *written;
	struct slot slot[AT_A_TIME];
	size_t next, running;
	int rc; /* why it ends; */
	struct bg_error err;
	size_t refusals; /* why it goes on, but was not well */
	struct bg_error refusal;
};

static void end(struct writing *writing, int rc, const struct bg_error *err)
{
	if (writing->rc)
		return;
	writing->rc = rc;
	writing->err = *err;
}

/* It stands there: which version of it, the answer says. */
static int take_written(struct writing *writing, const struct bg_part *part,
			const struct bg_web_answer *answer, struct bg_error *err)
{
	json_t *object = json_loadb(answer->body, answer->length_bytes, 0, NULL);
	struct bg_k8s_version version;
	int rc = bg_k8s_read_version(object, &version, err)
			 ?: bg_standing_wrote(&writing->store->standing, part, &version, err);

	json_decref(object);
	if (rc)
		return bg_fail_in(err, rc, "%s: the answer when %s %s was written",
				  writing->store->server, bg_part_kinds[part->kind], part->name);
	writing->written->written++;
	writing->written->written_bytes += part->length_bytes;
	return 0;
}

/* Others may do without it; and another time it would be the same. */
static bool is_refusal(long status)
{
	return status == 400 || status == 413 || status == 422;
}

static int refused(struct writing *writing, const struct bg_k8s_write *write,
		   const struct bg_web_answer *answer, struct bg_error *err)
{
	struct bg_k8s_store *store = writing->store;
	int rc = bg_web_refused(store->server, answer, err);

	rc = bg_fail_in(err, rc, "%s %s %s", write->part ? "writing" : "deleting",
			bg_part_kinds[write->kind], write->name);
	store->retry_after_ms = answer->retry_after_ms;
	/* what the server did before it failed is not known; nor what it has instead */
	if (answer->status >= 500 || answer->status == 404 || answer->status == 409)
		store->known = false;
	if (!is_refusal(answer->status) || writing->refusals == REFUSALS)
		return rc;
	if (!writing->refusals++)
		writing->refusal = *err;
	return 0;
}

static void write_ended(void *context, const struct bg_web_answer *answer, int rc,
			const struct bg_error *err)
{
	struct slot *slot = context;
	struct writing *writing = slot->writing;
	const struct bg_k8s_write *write = slot->write;
	struct bg_error why;

	slot->write = NULL;
	writing->running--;
	if (rc) {
		writing->store->known = false;
		why = *err;
	} else if (write->part && (answer->status == 200 || answer->status == 201)) {
		rc = take_written(writing, write->part, answer, &why);
		if (rc)
			writing->store->known = false;
	} else if (!write->part &&
		   (answer->status == 200 || answer->status == 202 || answer->status == 404)) {
		writing->written->removed += answer->status != 404;
		bg_standing_gone(&writing->store->standing, write->kind, write->name);
	} else {
		rc = refused(writing, write, answer, &why);
	}
	if (rc)
		end(writing, rc, &why);
}

/* All that is under way is of one kind, and what goes waits for what comes. */
static bool may_begin(const struct writing *writing)
{
	const struct bg_k8s_write *next = &writing->writes->write[writing->next];

	if (writing->rc || writing->next == writing->writes->count ||
	    writing->running == AT_A_TIME || (!next->part && writing->refusals))
		return false;
	for (size_t i = 0; i < AT_A_TIME; i++) {
		const struct bg_k8s_write *other = writing->slot[i].write;

		if (other && (other->kind != next->kind || !other->part != !next->part))
			return false;
	}
	return true;
}

static int begin(struct writing *writing, int limit_ms, struct bg_error *err)
{
	struct bg_k8s_store *store = writing->store;
	const struct bg_k8s_write *write = &writing->writes->write[writing->next];
	const bool posts = !strcmp(write->method, "POST");
	bg_auto_free char *url = bg_k8s_url(store->server, bg_watched_parts[write->kind].path,
					    posts ? NULL : write->name, NULL, NULL);
	bg_auto_free char *body = bg_standing_body(&store->standing, write);
	struct bg_web_request request = {
		.url = url,
		.post = body,
		.method = write->method,
		.most_bytes = ANSWER_BYTES,
		.limit_ms = limit_ms,
		.ended = write_ended,
	};
	struct slot *slot = writing->slot;
	int rc;

	if (!url || !body)
		return bg_no_memory(err, BG_PARTS_DOING);
	while (slot->write)
		slot++;
	slot->writing = writing;
	slot->write = write;
	request.context = slot;
	rc = bg_web_start(store->web, &request, &slot->transfer, err);
	if (rc) {
		slot->write = NULL;
		return rc;
	}
	writing->running++;
	writing->next++;
	return 0;
}

static void cancel(struct writing *writing)
{
	for (size_t i = 0; i < AT_A_TIME; i++) {
		if (!writing->slot[i].write)
			continue;
		bg_web_cancel(writing->slot[i].transfer);
		writing->slot[i].write = NULL;
		writing->store->known = false;
	}
	writing->running = 0;
}

static void write_all(struct writing *writing)
{
	struct bg_k8s_store *store = writing->store;
	struct bg_error err;

	do {
		int rc = 0;

		while (!rc && may_begin(writing)) {
			const int limit_ms = store->may_write_ms(store->context);

			rc = limit_ms > 0 ? begin(writing, limit_ms, &err)
					  : bg_fail(&err, -ECANCELED,
						    "%s: the Lease was not renewed in time: "
						    "writing ends",
						    store->server);
		}
		if (rc)
			end(writing, rc, &err);
		rc = writing->running ? store->wait(store->context, &err) : 0;
		if (rc) {
			end(writing, rc, &err);
			cancel(writing);
		}
	} while (writing->running || may_begin(writing));
}

int bg_k8s_store_write(struct bg_k8s_store *store, const struct bg_part_set *made,
		       struct bg_parts_written *written, struct bg_error *err)
{
	struct bg_k8s_writes writes;
	struct writing writing = { .store = store, .writes = &writes, .written = written };
	int rc = bg_standing_plan(&store->standing, made, &writes, err);

	*written = (struct bg_parts_written){ .parts = made->count };
	store->retry_after_ms = 0;
	if (rc)
		return rc;
	write_all(&writing);
	bg_k8s_writes_release(&writes);
	if (!writing.rc && !writing.refusals)
		return 0;
	*err = writing.rc ? writing.err : writing.refusal;
	return writing.rc ?: -EIO;
}

void bg_k8s_store_release(struct bg_k8s_store *store)
{
	bg_standing_release(&store->standing);
}
