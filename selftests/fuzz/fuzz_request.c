// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * libFuzzer: any bytes, in pieces, as what a client of the daemon's socket sends; and as
 * what somebody else's daemon sends to `monitor`. The first byte cuts the pieces.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "promises.h"
#include "show/event_filter.h"
#include "show/event_text.h"
#include "socket/line_queue.h"
#include "socket/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void must_be_a_filter(const json_t *json)
{
	struct bg_event event = { .type = BG_EVENT_DROP, .reason = BG_REASON_NO_RULE };
	struct bg_event_filter filter;
	struct bg_error err = {};
	const char *branch;

	if (bg_event_filter_read(json, &filter, &branch, &err)) {
		MUST(*err.text);
		return;
	}
	MUST(!(filter.flows_only && bg_event_wanted(&filter, &event)));
	MUST(!branch || strlen(branch) < BG_REQUEST_BYTES);
}

/* What is read can be written, and is the same when it is read again. */
static void must_be_an_event(const json_t *json)
{
	char groups[BG_EVENT_GROUPS_BYTES], again[BG_EVENT_GROUPS_BYTES], *text = NULL;
	struct bg_event_names names, names_again;
	struct bg_event event, event_again;
	struct bg_json_writer writer = {};
	size_t size;
	json_t *copy;
	FILE *out;

	if (!bg_event_read(json, &event, &names, groups))
		return;
	bg_event_write(&writer, &event, &names);
	copy = json_loadb(writer.text, writer.length_bytes, JSON_REJECT_DUPLICATES, NULL);
	MUST(copy && bg_event_read(copy, &event_again, &names_again, again));
	MUST(event_again.type == event.type && event_again.vlan == event.vlan);
	MUST(!memcmp(&event.local, &event_again.local, sizeof(event.local)));
	out = open_memstream(&text, &size);
	MUST(out);
	bg_event_print(out, &event_again, &names_again);
	MUST(!fclose(out) && size && text[size - 1] == '\n');
	text[size - 1] = '\0';
	must_be_printable(text);
	free(text);
	json_decref(copy);
	bg_json_writer_free(&writer);
}

static void must_be_a_request(const struct bg_request *request)
{
	const char *method = NULL;
	struct bg_error err = {};
	json_t *json = bg_request_parse(request, &method, &err);

	if (!json) {
		MUST(*err.text && !method);
		return;
	}
	MUST(json_is_object(json) && strlen(method) < BG_REQUEST_BYTES);
	must_be_a_filter(json);
	json_decref(json);
}

/* Lines come out as they went in, whatever is in them. */
static void must_queue(const char *bytes, size_t length)
{
	struct bg_line_queue queue;
	size_t piece;

	bg_line_queue_init(&queue, 64);
	for (int i = 0; i < 3 && length < 40; i++) {
		MUST(!bg_line_queue_put(&queue, bytes, length));
		for (size_t taken = 0; taken <= length; taken += piece) {
			const char *next = bg_line_queue_next(&queue, &piece);

			MUST(next && taken + piece <= length + 1);
			MUST(!memcmp(next, bytes + taken,
				     taken + piece > length ? piece - 1 : piece));
			bg_line_queue_taken(&queue, piece);
		}
		MUST(!bg_line_queue_next(&queue, &piece));
	}
	bg_line_queue_free(&queue);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct bg_request request;
	const char *text = (const char *)bytes + 1;
	struct bg_error err = {};
	size_t piece, taken = 0;
	json_t *json;
	int rc = 0;

	if (!length)
		return 0;
	length--;
	piece = bytes[0] % 64 + 1;
	request.length_bytes = 0;
	while (!rc && taken < length) {
		if (piece > length - taken)
			piece = length - taken;
		rc = bg_request_add(&request, text + taken, piece, &err);
		taken += piece;
		MUST(request.length_bytes <= sizeof(request.text));
	}
	MUST(rc >= 0 || (rc == -EINVAL && *err.text));
	if (rc > 0)
		must_be_a_request(&request);
	json = json_loadb(text, length, 0, NULL);
	if (json)
		must_be_an_event(json);
	json_decref(json);
	must_queue(text, length);
	return 0;
}
