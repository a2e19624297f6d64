/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The XML of an answer → the JSON that the `aws` CLI prints for it, as far as a table names its
 * elements. Pure. An answer that is cut, has another root, lacks what the table requires or has
 * a document type is none.
 */
#ifndef BG_AWS_XML_H
#define BG_AWS_XML_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json_writer.h"

enum bg_xml_kind {
	BG_XML_TEXT,
	BG_XML_NUMBER,
	BG_XML_BOOL,
	BG_XML_OBJECT,
	BG_XML_LIST, /* of objects, each an element `item` */
};

/* An element within another one. What no table names is skipped. */
struct bg_xml_field {
	const char *element, *key; /* in XML; in JSON, NULL: not written there */
	enum bg_xml_kind kind;
	bool required;
	int mark; /* of a text or number: whoever reads is told of it; 0: not */
	const struct bg_xml_field *fields; /* of an object, or of each in a list; ends with {} */
};

/* An element is over that has a mark. Other than 0 ends the reading with that and *err. */
typedef int bg_xml_marked_fn(void *context, int mark, const char *text, struct bg_error *err);

/* `root` is the outermost element. -EPROTO: it is no such answer; what is in `json` then is of
 * no use. */
int bg_xml_read(const char *text, size_t length_bytes, const char *root,
		const struct bg_xml_field *fields, struct bg_json_writer *json,
		bg_xml_marked_fn *marked, void *context, struct bg_error *err);

#endif
