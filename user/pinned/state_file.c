// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The document in memory, changed by the daemon, which has it written when something did
 * change (daemon/state_out.c); status reads the file.
 */
#include "pinned/state_file.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "feed/model.h"

/* None is so long. */
#define MOST_BYTES (64 << 20)

struct bg_state {
	json_t *document;
	json_t *interfaces; /* the next list, until it is written */
	bool changed;
};

void bg_state_path(const char *pin_dir, char path[BG_STATE_PATH_BYTES])
{
	bg_state_file_path(pin_dir, BG_STATE_KIND, path);
}

void bg_socket_path(const char *pin_dir, char path[BG_STATE_PATH_BYTES])
{
	bg_state_file_path(pin_dir, BG_SOCKET_KIND, path);
}

/* Text from a feed is UTF-8 already; from elsewhere it may be anything. */
static json_t *string(const char *text)
{
	json_t *value = json_string(text);

	return value ? value : json_string("(not UTF-8)");
}

int bg_state_read(const char *pin_dir, json_t **state, struct bg_error *err)
{
	bg_auto_free char *text = NULL;
	size_t length_bytes;
	int rc = bg_state_file_read(pin_dir, BG_STATE_KIND, MOST_BYTES, &text, &length_bytes, err);

	*state = rc ? NULL : json_loadb(text, length_bytes, 0, NULL);
	return rc == -ETIMEDOUT ? rc : 0;
}

struct bg_state *bg_state_new(const char *pin_dir, const char *feed)
{
	struct bg_state *state = calloc(1, sizeof(*state));

	if (!state)
		return NULL;
	state->document = json_pack("{s:o, s:o, s:I, s:I, s:n, s:n, s:o}", "PinDir",
				    string(pin_dir), "Feed", string(feed), "Pid",
				    (json_int_t)getpid(), "StartedNs", (json_int_t)bg_boottime_ns(),
				    "LastAccepted", "LastRefused", "Interfaces", json_array());
	state->changed = true;
	return state;
}

void bg_state_restore(struct bg_state *state, const char *text, size_t length_bytes)
{
	json_t *before = json_loadb(text, length_bytes, 0, NULL);
	json_t *interfaces = json_object_get(before, "Interfaces");

	if (json_is_array(interfaces))
		json_object_set(state->document, "Interfaces", interfaces);
	json_decref(before);
}

void bg_state_free(struct bg_state *state)
{
	if (!state)
		return;
	json_decref(state->document);
	json_decref(state->interfaces);
	free(state);
}

static json_t *problems(const struct bg_problem *problem, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++, problem++)
		json_array_append_new(list, json_pack("{s:o, s:I, s:I, s:o}", "Pointer",
						      string(problem->pointer), "Line",
						      (json_int_t)problem->place.line, "Column",
						      (json_int_t)problem->place.column, "Text",
						      string(problem->text)));
	return list;
}

void bg_state_accepted(struct bg_state *state, const struct bg_model *model, __u32 revision)
{
	json_t *warnings;

	if (!state)
		return;
	warnings = problems(model->warnings, model->warning_count < BG_STATE_WARNINGS
						     ? model->warning_count
						     : BG_STATE_WARNINGS);
	json_object_set_new(state->document, "LastAccepted",
			    json_pack("{s:I, s:o, s:I, s:o, s:I}", "Revision", (json_int_t)revision,
				      "FeedRevision", string(model->revision), "TimeNs",
				      (json_int_t)bg_boottime_ns(), "Warnings", warnings,
				      "WarningCount", (json_int_t)model->warning_count));
	json_object_set_new(state->document, "LastRefused", json_null());
	state->changed = true;
}

void bg_state_refused(struct bg_state *state, const char *error, const struct bg_problems *errors)
{
	const json_t *before = state ? json_object_get(state->document, "LastRefused") : NULL;
	const json_t *since = json_object_get(before, "SinceNs");
	json_int_t now_ns = (json_int_t)bg_boottime_ns();

	if (!state)
		return;
	json_object_set_new(state->document, "LastRefused",
			    json_pack("{s:o, s:I, s:I, s:o, s:I}", "Error", string(error), "TimeNs",
				      now_ns, "SinceNs", since ? json_integer_value(since) : now_ns,
				      "Errors", problems(errors->problem, errors->count),
				      "ErrorCount", (json_int_t)bg_problems_all(errors)));
	state->changed = true;
}

void bg_state_set(struct bg_state *state, const char *key, json_t *value)
{
	if (!state || json_equal(value, json_object_get(state->document, key))) {
		json_decref(value);
		return;
	}
	json_object_set_new(state->document, key, value);
	state->changed = true;
}

void bg_state_clear_interfaces(struct bg_state *state)
{
	if (!state)
		return;
	json_decref(state->interfaces);
	state->interfaces = json_array();
}

/* Since when it is so, if it was so before. */
static json_int_t trouble_since(const struct bg_state *state, const char *interface,
				const char *text)
{
	const json_t *before = json_object_get(state->document, "Interfaces");

	for (size_t i = 0; i < json_array_size(before); i++) {
		const json_t *trouble = json_array_get(before, i);
		const char *name = json_string_value(json_object_get(trouble, "Interface"));
		const char *words = json_string_value(json_object_get(trouble, "Text"));

		if (name && words && !strcmp(name, interface) && !strcmp(words, text))
			return json_integer_value(json_object_get(trouble, "SinceNs"));
	}
	return (json_int_t)bg_boottime_ns();
}

void bg_state_add_interface(struct bg_state *state, const char *interface, const char *text,
			    bool open)
{
	if (state && state->interfaces)
		json_array_append_new(state->interfaces,
				      json_pack("{s:o, s:o, s:b, s:I}", "Interface",
						string(interface), "Text", string(text), "Open",
						open, "SinceNs",
						trouble_since(state, interface, text)));
}

void bg_state_listeners(struct bg_state *state, unsigned int listeners,
			const struct bg_sighting *lost)
{
	json_t *document;

	if (!state)
		return;
	document = state->document;
	if (json_integer_value(json_object_get(document, "Listeners")) == (json_int_t)listeners &&
	    json_integer_value(json_object_get(document, "EventsLostByListeners")) ==
		    (json_int_t)lost->count)
		return;
	json_object_set_new(document, "Listeners", json_integer(listeners));
	json_object_set_new(document, "EventsLostByListeners",
			    json_integer((json_int_t)lost->count));
	if (lost->since_ns)
		json_object_set_new(document, "ListenerLosses",
				    json_pack("{s:I, s:I, s:I}", "Count",
					      (json_int_t)(lost->count - lost->before), "SinceNs",
					      (json_int_t)lost->since_ns, "LastNs",
					      (json_int_t)lost->last_ns));
	state->changed = true;
}

bool bg_state_has_changed(struct bg_state *state)
{
	if (state->interfaces) {
		if (!json_equal(state->interfaces, json_object_get(state->document, "Interfaces")))
			state->changed = true;
		json_object_set_new(state->document, "Interfaces", state->interfaces);
		state->interfaces = NULL;
	}
	return state->changed;
}

void bg_state_set_changed(struct bg_state *state)
{
	state->changed = true;
}

json_t *bg_state_document(const struct bg_state *state)
{
	return state->document;
}

char *bg_state_text(struct bg_state *state)
{
	char *text = json_dumps(state->document, JSON_INDENT(2));

	if (text)
		state->changed = false;
	return text;
}

void bg_state_remove(const char *pin_dir)
{
	char path[BG_STATE_PATH_BYTES];

	bg_state_path(pin_dir, path);
	unlink(path);
	bg_socket_path(pin_dir, path);
	unlink(path);	     /* of a daemon that was killed */
	rmdir(BG_STATE_DIR); /* if it was the last one */
}
