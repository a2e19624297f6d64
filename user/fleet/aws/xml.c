// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads XML by expat, with a table of what is expected. ec2_client.c calls it for pages,
 * aws_keys.c for keys, refusal.c for errors. It follows no entity, keeps nothing of what it
 * skips, and quotes no text that it has read.
 */
#include "fleet/aws/xml.h"

#include <ctype.h>
#include <errno.h>
#include <expat.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "base/printable.h"

#define READING "reading XML"
#define DEEPEST 16	   /* of what tables name */
#define DEEPEST_SKIPPED 64 /* of what they do not */
#define MOST_TEXT_BYTES (64u << 10)
#define NAME_TEXT 64

struct frame {
	const struct bg_xml_field *field; /* whose element is open */
	bool is_list;			  /* and its next ones are items */
	unsigned int seen;		  /* of an object: by index in field->fields */
};

struct reading {
	XML_Parser parser;
	struct bg_json_writer *json;
	bg_xml_marked_fn *marked;
	void *context;
	struct bg_xml_field root;
	struct frame frames[DEEPEST];
	size_t depth, skipped; /* elements that are open */
	char *text;	       /* of the scalar that is open */
	size_t length_bytes, room_bytes;
	int rc;
	struct bg_error *err;
};

BG_CLEANUP_OF(XML_ParserFree, struct XML_ParserStruct)

/* --- errors --- */

static void stop(struct reading *reading, int rc)
{
	reading->rc = rc;
	XML_StopParser(reading->parser, XML_FALSE);
}

#define WRONG(reading, format, ...)                                                                \
	stop(reading,                                                                              \
	     bg_fail((reading)->err, -EPROTO, "line %lu: " format,                                 \
		     (unsigned long)XML_GetCurrentLineNumber((reading)->parser), __VA_ARGS__))

static const char *short_name(const char *name, char text[NAME_TEXT])
{
	snprintf(text, NAME_TEXT, "%s", name);
	return bg_printable(text);
}

/* --- elements --- */

static bool is_scalar(const struct bg_xml_field *field)
{
	return field->kind != BG_XML_OBJECT && field->kind != BG_XML_LIST;
}

static void push(struct reading *reading, const struct bg_xml_field *field, bool is_list)
{
	if (reading->depth == DEEPEST) {
		WRONG(reading, "elements are more than %d deep", DEEPEST);
		return;
	}
	reading->frames[reading->depth++] = (struct frame){ field, is_list, 0 };
}

static void open_field(struct reading *reading, struct frame *frame, size_t index)
{
	const struct bg_xml_field *field = &frame->field->fields[index];

	if (frame->seen & 1u << index) {
		WRONG(reading, "%s stands twice in one %s", field->element, frame->field->element);
		return;
	}
	frame->seen |= 1u << index;
	if (field->key)
		bg_json_key(reading->json, field->key);
	if (!is_scalar(field))
		bg_json_open(reading->json, field->kind == BG_XML_LIST ? '[' : '{');
	reading->length_bytes = 0;
	push(reading, field, field->kind == BG_XML_LIST);
}

static void open_root(struct reading *reading, const char *name)
{
	char text[NAME_TEXT];

	if (strcmp(name, reading->root.element) != 0) {
		WRONG(reading, "found %s, expected %s", short_name(name, text),
		      reading->root.element);
		return;
	}
	bg_json_open(reading->json, '{');
	push(reading, &reading->root, false);
}

static void open_within(struct reading *reading, const char *name)
{
	struct frame *frame = &reading->frames[reading->depth - 1];
	char text[NAME_TEXT];

	if (frame->is_list) {
		if (strcmp(name, "item") != 0) {
			WRONG(reading, "found %s in %s, expected item", short_name(name, text),
			      frame->field->element);
			return;
		}
		bg_json_open(reading->json, '{');
		push(reading, frame->field, false);
		return;
	}
	if (is_scalar(frame->field)) {
		WRONG(reading, "found %s in %s, expected text", short_name(name, text),
		      frame->field->element);
		return;
	}
	for (size_t i = 0; frame->field->fields[i].element; i++) {
		if (!strcmp(frame->field->fields[i].element, name)) {
			open_field(reading, frame, i);
			return;
		}
	}
	reading->skipped = 1;
}

static void on_open(void *context, const char *name, const char **unused)
{
	struct reading *reading = context;

	(void)unused;
	if (reading->rc)
		return;
	if (!reading->depth)
		open_root(reading, name);
	else if (!reading->skipped)
		open_within(reading, name);
	else if (++reading->skipped > DEEPEST_SKIPPED)
		WRONG(reading, "elements are more than %d deep", DEEPEST_SKIPPED);
}

static bool is_number(const char *text)
{
	size_t sign = text[0] == '-', digits = strspn(text + sign, "0123456789");

	return digits && digits <= 18 && !text[sign + digits] && (digits == 1 || text[sign] != '0');
}

static void put_number(struct bg_json_writer *json, const char *text)
{
	if (json->comma)
		bg_json_raw(json, ",", 1);
	bg_json_raw(json, text, strlen(text));
	json->comma = true;
}

static void put_scalar(struct reading *reading, const struct bg_xml_field *field)
{
	const char *text = reading->length_bytes ? reading->text : "";
	const bool is_true = !strcmp(text, "true");
	int rc;

	if (field->kind == BG_XML_NUMBER && !is_number(text)) {
		WRONG(reading, "%s is no number", field->element);
		return;
	}
	if (field->kind == BG_XML_BOOL && !is_true && strcmp(text, "false") != 0) {
		WRONG(reading, "%s is neither true nor false", field->element);
		return;
	}
	if (!field->key)
		; /* only marked */
	else if (field->kind == BG_XML_NUMBER)
		put_number(reading->json, text);
	else if (field->kind == BG_XML_BOOL)
		bg_json_bool(reading->json, is_true);
	else
		bg_json_string(reading->json, text);
	rc = field->mark && reading->marked
		     ? reading->marked(reading->context, field->mark, text, reading->err)
		     : 0;
	if (rc)
		stop(reading, rc);
}

static void close_object(struct reading *reading, const struct frame *frame)
{
	const struct bg_xml_field *fields = frame->field->fields;

	for (size_t i = 0; fields[i].element; i++) {
		if (fields[i].required && !(frame->seen & 1u << i)) {
			WRONG(reading, "found no %s in %s, expected one", fields[i].element,
			      frame->field->element);
			return;
		}
	}
	bg_json_close(reading->json, '}');
}

static void on_close(void *context, const char *unused)
{
	struct reading *reading = context;
	const struct frame *frame;

	(void)unused;
	if (reading->rc)
		return;
	if (reading->skipped) {
		reading->skipped--;
		return;
	}
	frame = &reading->frames[--reading->depth];
	if (frame->is_list)
		bg_json_close(reading->json, ']');
	else if (is_scalar(frame->field))
		put_scalar(reading, frame->field);
	else
		close_object(reading, frame);
}

static void put_text(struct reading *reading, const char *text, size_t length_bytes)
{
	const size_t needed = reading->length_bytes + length_bytes + 1;

	if (needed > MOST_TEXT_BYTES) {
		WRONG(reading, "a text has more than %u bytes", MOST_TEXT_BYTES);
		return;
	}
	if (BG_RESERVE(reading->text, reading->room_bytes, needed)) {
		stop(reading, bg_no_memory(reading->err, READING));
		return;
	}
	memcpy(reading->text + reading->length_bytes, text, length_bytes);
	reading->length_bytes += length_bytes;
	reading->text[reading->length_bytes] = '\0';
}

static void on_text(void *context, const char *text, int length)
{
	struct reading *reading = context;
	const struct frame *frame;

	if (reading->rc || reading->skipped || !reading->depth)
		return;
	frame = &reading->frames[reading->depth - 1];
	if (is_scalar(frame->field)) {
		put_text(reading, text, (size_t)length);
		return;
	}
	for (int i = 0; i < length; i++) {
		if (!isspace((unsigned char)text[i])) {
			WRONG(reading, "found text in %s, expected elements",
			      frame->field->element);
			return;
		}
	}
}

/* Entities are declared there: an answer has none, and who sends some wants memory. */
static void on_document_type(void *context, const char *unused, const char *system,
			     const char *public, int has_internal)
{
	struct reading *reading = context;

	(void)unused;
	(void)system;
	(void)public;
	(void)has_internal;
	if (!reading->rc)
		WRONG(reading, "found a document %s, expected none", "type");
}

/* --- all of it --- */

static int parse(struct reading *reading, const char *text, size_t length_bytes)
{
	enum XML_Error code;

	if (length_bytes > INT32_MAX)
		return bg_fail(reading->err, -EPROTO, "found more than 2 GiB");
	XML_SetUserData(reading->parser, reading);
	XML_SetElementHandler(reading->parser, on_open, on_close);
	XML_SetCharacterDataHandler(reading->parser, on_text);
	XML_SetStartDoctypeDeclHandler(reading->parser, on_document_type);
	if (XML_Parse(reading->parser, text, (int)length_bytes, XML_TRUE) == XML_STATUS_OK)
		return reading->json->failed ? bg_no_memory(reading->err, READING) : 0;
	if (reading->rc)
		return reading->rc;
	code = XML_GetErrorCode(reading->parser);
	if (code == XML_ERROR_NO_MEMORY)
		return bg_no_memory(reading->err, READING);
	return bg_fail(reading->err, -EPROTO, "line %lu: found no XML: %s: is it cut?",
		       (unsigned long)XML_GetCurrentLineNumber(reading->parser),
		       XML_ErrorString(code));
}

int bg_xml_read(const char *text, size_t length_bytes, const char *root,
		const struct bg_xml_field *fields, struct bg_json_writer *json,
		bg_xml_marked_fn *marked, void *context, struct bg_error *err)
{
	bg_cleanup(XML_ParserFree_at) struct XML_ParserStruct *parser = XML_ParserCreate("UTF-8");
	struct reading reading = {
		.parser = parser,
		.json = json,
		.marked = marked,
		.context = context,
		.root = { .element = root, .kind = BG_XML_OBJECT, .fields = fields },
		.err = err,
	};
	int rc = parser ? parse(&reading, text, length_bytes) : bg_no_memory(err, READING);

	/* it may have been a secret */
	if (reading.text)
		explicit_bzero(reading.text, reading.room_bytes);
	free(reading.text);
	return rc;
}
