// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Text → values, by yajl's events. Values live in blocks that are freed as one. Only
 * feed.c calls it, through json.h; what the values mean it does not know.
 */
#include "feed/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/cleanup.h"
#include "base/dict.h"

#define BLOCK_BYTES ((size_t)256 << 10)
/* Keys of larger objects are looked up in a dict. */
#define SMALL_OBJECT 24

BG_CLEANUP_OF(yajl_free, struct yajl_handle_t)

struct block {
	struct block *next;
	size_t used, room;
	_Alignas(16) char bytes[];
};

struct bg_json_document {
	struct bg_json *root;
	struct block *blocks; /* the one in use first */
};

struct open_value {
	struct bg_json *value;
	struct bg_json **end; /* where the next child goes */
	struct bg_dict keys;  /* of a large object */
};

struct parser {
	const char *text;
	size_t length_bytes;
	const struct bg_json_stream *stream;
	struct bg_json_document *document;
	struct open_value open[BG_JSON_MAX_DEPTH];
	size_t depth, values;
	size_t most_keys;      /* of an object */
	struct bg_text key;    /* of the next value */
	struct bg_json *array; /* the streamed one */
	size_t which, index;   /* its key, and its next element */
	struct block *mark_block;
	size_t mark_used, mark_values;
	int rc;
	bool rejected;	    /* by the stream, which has filled in *err */
	const char *reason; /* of any other failure */
	const char *where;  /* its place in the text, or NULL */
	struct bg_place *place;
	struct bg_error *err;
};

static void release_blocks(struct bg_json_document *document, const struct block *until)
{
	while (document->blocks != until) {
		struct block *next = document->blocks->next;

		free(document->blocks);
		document->blocks = next;
	}
}

void bg_json_free(struct bg_json_document *document)
{
	if (!document)
		return;
	release_blocks(document, NULL);
	free(document);
}

const struct bg_json *bg_json_root(const struct bg_json_document *document)
{
	return document->root;
}

static int stop(struct parser *parser, int rc, const char *reason)
{
	parser->rc = rc;
	parser->reason = reason;
	return 0;
}

static int no_memory(struct parser *parser)
{
	return stop(parser, -ENOMEM, "out of memory");
}

static void *allocate(struct parser *parser, size_t bytes)
{
	struct block *block = parser->document->blocks;
	void *result;

	bytes = (bytes + 7) & ~(size_t)7;
	if (!block || block->room - block->used < bytes) {
		size_t room = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;

		block = malloc(sizeof(*block) + room);
		if (!block)
			return NULL;
		block->used = 0;
		block->room = room;
		block->next = parser->document->blocks;
		parser->document->blocks = block;
	}
	result = block->bytes + block->used;
	block->used += bytes;
	return result;
}

/* Bytes in the document (numbers, strings without escapes) are not copied. */
static bool keep(struct parser *parser, const char *bytes, size_t length, struct bg_text *text)
{
	char *copy;

	*text = (struct bg_text){ bytes, length };
	if (bytes >= parser->text && bytes < parser->text + parser->length_bytes)
		return true;
	copy = allocate(parser, length + 1);
	if (!copy)
		return false;
	memcpy(copy, bytes, length);
	text->bytes = copy;
	return true;
}

static struct bg_json *add(struct parser *parser, enum bg_json_type type)
{
	struct open_value *parent = parser->depth ? &parser->open[parser->depth - 1] : NULL;
	struct bg_json *value;

	if (parser->values >= BG_JSON_MAX_VALUES) {
		stop(parser, -E2BIG, "more than 10485760 values: larger than a feed may be");
		return NULL;
	}
	parser->values++;
	value = allocate(parser, sizeof(*value));
	if (!value) {
		no_memory(parser);
		return NULL;
	}
	memset(value, 0, sizeof(*value));
	value->type = type;
	value->key = parser->key;
	parser->key = (struct bg_text){};
	if (!parent) {
		parser->document->root = value;
	} else if (parent->value != parser->array) {
		*parent->end = value;
		parent->end = &value->next;
		parent->value->count++;
	}
	return value;
}

/* An element of the streamed array is whole: hand it over and forget it. */
static int finish(struct parser *parser, const struct bg_json *value)
{
	if (!parser->array || !parser->depth ||
	    parser->open[parser->depth - 1].value != parser->array)
		return 1;
	parser->rc = parser->stream->element(parser->stream->context, parser->which,
					     parser->index++, value, parser->err);
	if (parser->rc) {
		parser->rejected = true;
		return 0;
	}
	release_blocks(parser->document, parser->mark_block);
	parser->mark_block->used = parser->mark_used;
	parser->values = parser->mark_values;
	return 1;
}

static int scalar(struct parser *parser, enum bg_json_type type, const char *bytes, size_t length)
{
	struct bg_json *value = add(parser, type);

	if (!value)
		return 0;
	if (bytes && !keep(parser, bytes, length, &value->text))
		return no_memory(parser);
	return finish(parser, value);
}

static int on_null(void *context)
{
	return scalar(context, BG_JSON_NULL, NULL, 0);
}

static int on_boolean(void *context, int set)
{
	return scalar(context, set ? BG_JSON_TRUE : BG_JSON_FALSE, NULL, 0);
}

static int on_number(void *context, const char *bytes, size_t length)
{
	return scalar(context, BG_JSON_NUMBER, bytes, length);
}

static int on_string(void *context, const unsigned char *bytes, size_t length)
{
	return scalar(context, BG_JSON_STRING, (const char *)bytes, length);
}

/* Is it an array of the top level whose elements are handed over? */
static bool is_streamed(struct parser *parser, const struct bg_json *value)
{
	const struct bg_json_stream *stream = parser->stream;

	if (!stream || value->type != BG_JSON_ARRAY || parser->depth != 2 || !value->key.bytes)
		return false;
	for (parser->which = 0; stream->keys[parser->which]; parser->which++)
		if (bg_text_is(value->key, stream->keys[parser->which]))
			return true;
	return false;
}

static int start(struct parser *parser, enum bg_json_type type)
{
	struct bg_json *value;

	if (parser->depth == BG_JSON_MAX_DEPTH)
		return stop(parser, -EINVAL, "nested deeper than 64 levels");
	value = add(parser, type);
	if (!value)
		return 0;
	parser->open[parser->depth++] = (struct open_value){ .value = value, .end = &value->first };
	if (is_streamed(parser, value)) {
		parser->array = value;
		parser->index = 0;
		parser->mark_block = parser->document->blocks;
		parser->mark_used = parser->mark_block->used;
		parser->mark_values = parser->values;
		if (parser->stream->before)
			*parser->stream->before = parser->document->root;
	}
	return 1;
}

static int end(void *context)
{
	struct parser *parser = context;
	struct open_value *closed = &parser->open[--parser->depth];

	bg_dict_release(&closed->keys);
	if (closed->value == parser->array)
		parser->array = NULL;
	return finish(parser, closed->value);
}

static int on_start_map(void *context)
{
	return start(context, BG_JSON_OBJECT);
}

static int on_start_array(void *context)
{
	return start(context, BG_JSON_ARRAY);
}

/* 1: the object has the key already; 0, -ENOMEM. */
static int is_repeated(struct open_value *object, struct bg_text key)
{
	const struct bg_json *child = object->value->first;
	bool is_new;

	if (object->value->count < SMALL_OBJECT) {
		for (; child; child = child->next) {
			if (child->key.length == key.length &&
			    !memcmp(child->key.bytes, key.bytes, key.length))
				return 1;
		}
		return 0;
	}
	/* the object has just become large */
	for (; child && object->keys.count < object->value->count; child = child->next) {
		if (!bg_dict_put(&object->keys, child->key.bytes, child->key.length, 0, NULL))
			return -ENOMEM;
	}
	if (!bg_dict_put(&object->keys, key.bytes, key.length, 0, &is_new))
		return -ENOMEM;
	return !is_new;
}

static int on_key(void *context, const unsigned char *bytes, size_t length)
{
	struct parser *parser = context;
	int rc;

	if (parser->open[parser->depth - 1].value->count == parser->most_keys)
		return stop(parser, -E2BIG, "more than 1024 keys in one object");
	if (!keep(parser, (const char *)bytes, length, &parser->key))
		return no_memory(parser);
	rc = is_repeated(&parser->open[parser->depth - 1], parser->key);
	if (rc < 0)
		return no_memory(parser);
	if (rc) {
		parser->where = (const char *)bytes - 1;
		return stop(parser, -EINVAL, "a key that the object has already");
	}
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_key,
	.yajl_end_map = end,
	.yajl_start_array = on_start_array,
	.yajl_end_array = end,
};

/* --- errors --- */

#define BOM "\xef\xbb\xbf"

void bg_skip_bom(const char **text, size_t *length_bytes)
{
	if (*length_bytes < sizeof(BOM) - 1 || memcmp(*text, BOM, sizeof(BOM) - 1) != 0)
		return;
	*text += sizeof(BOM) - 1;
	*length_bytes -= sizeof(BOM) - 1;
}

void bg_place_step(struct bg_place *place, const char *start, const char *end)
{
	const char *line_break;

	while ((line_break = memchr(start, '\n', end - start))) {
		place->line++;
		place->column = 1;
		start = line_break + 1;
	}
	for (; start < end; start++)
		place->column += ((unsigned char)*start & 0xc0) != 0x80;
}

struct bg_place bg_place_of(const char *text, size_t offset)
{
	struct bg_place place = { 1, 1 };

	bg_place_step(&place, text, text + offset);
	return place;
}

static int fail_at(const struct parser *parser, size_t offset, int rc, const char *reason)
{
	if (parser->where >= parser->text && parser->where < parser->text + parser->length_bytes)
		offset = parser->where - parser->text;
	if (offset > parser->length_bytes)
		offset = parser->length_bytes;
	*parser->place = bg_place_of(parser->text, offset);
	return bg_fail(parser->err, rc, "%s", reason);
}

static bool starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

/*
 * Where the token starts that yajl refused. yajl's offset is the end of the token. Its
 * errors "after ..." have the offset moved back by the token's length without quotes,
 * and what it could not read as a token at all starts at the offset.
 */
static size_t start_of(const char *text, size_t offset, const char *reason)
{
	size_t quote = offset;

	if (!offset || starts_with(reason, "premature") || starts_with(reason, "probable") ||
	    starts_with(reason, "invalid character"))
		return offset;
	if (starts_with(reason, "after"))
		return offset > 1 && text[offset - 2] == '"' && text[offset - 1] != '"' ? offset - 2
											: offset;
	offset--;
	if (text[offset] != '"' || starts_with(reason, "invalid"))
		return offset;
	for (quote = offset; quote > 0; quote--) {
		if (text[quote - 1] == '"')
			return quote - 1;
	}
	return offset;
}

/* yajl's message without its first words and its line break. */
static int fail_syntax(struct parser *parser, yajl_handle handle, size_t offset)
{
	unsigned char *said = yajl_get_error(handle, 0, (const unsigned char *)parser->text,
					     parser->length_bytes);
	const char *reason = said ? (const char *)said : "syntax error";
	const char *colon = strchr(reason, ':');
	char text[160];
	size_t length;
	int rc;

	if (colon)
		reason = colon + 1 + strspn(colon + 1, " ");
	length = strcspn(reason, "\n");
	while (length && strchr(". ", reason[length - 1]))
		length--;
	if (length >= sizeof(text))
		length = sizeof(text) - 1;
	memcpy(text, reason, length);
	text[length] = '\0';
	rc = fail_at(parser, start_of(parser->text, offset, text), -EINVAL, text);
	if (said)
		yajl_free_error(handle, said);
	return rc;
}

static void release_parser(struct parser *parser)
{
	while (parser->depth)
		bg_dict_release(&parser->open[--parser->depth].keys);
}

/* `used_bytes` NULL: the text is one value, and nothing more. */
static int parse(const char *text, size_t length_bytes, const struct bg_json_stream *stream,
		 struct bg_json_document **document, size_t *used_bytes, struct bg_place *place,
		 struct bg_error *err)
{
	bg_cleanup(bg_json_free_at) struct bg_json_document *result = calloc(1, sizeof(*result));
	bg_cleanup(release_parser) struct parser parser = {
		.text = text,
		.length_bytes = length_bytes,
		.stream = stream,
		.document = result,
		.most_keys = used_bytes ? BG_JSON_MAX_VALUES : BG_JSON_MAX_KEYS,
		.place = place,
		.err = err,
	};
	bg_cleanup(yajl_free_at) yajl_handle handle = yajl_alloc(&callbacks, NULL, &parser);
	yajl_status status;
	size_t offset;

	if (!result || !handle)
		return bg_no_memory(err, "reading the feed");
	if (used_bytes)
		yajl_config(handle, yajl_allow_trailing_garbage, 1);
	status = yajl_parse(handle, (const unsigned char *)text, length_bytes);
	offset = yajl_get_bytes_consumed(handle);
	if (status == yajl_status_ok)
		status = yajl_complete_parse(handle);
	if (parser.rejected)
		return parser.rc;
	if (parser.rc)
		return fail_at(&parser, offset ? offset - 1 : 0, parser.rc, parser.reason);
	if (status != yajl_status_ok)
		return fail_syntax(&parser, handle, offset);
	if (used_bytes)
		*used_bytes = offset;
	*document = bg_take_ptr(result);
	return 0;
}

int bg_json_parse(const char *text, size_t length_bytes, const struct bg_json_stream *stream,
		  struct bg_json_document **document, struct bg_place *place, struct bg_error *err)
{
	bg_cleanup(bg_json_free_at) struct bg_json_document *result = NULL;
	int rc = parse(text, length_bytes, stream, &result, NULL, place, err);

	if (rc)
		return rc;
	if (result->root->type != BG_JSON_OBJECT) {
		*place = bg_place_of(text, strspn(text, " \t\r\n"));
		return bg_json_unexpected(result->root, NULL, "a JSON object", err);
	}
	*document = bg_take_ptr(result);
	return 0;
}

int bg_json_parse_first(const char *text, size_t length_bytes, const struct bg_json_stream *stream,
			struct bg_json_document **document, size_t *used_bytes,
			struct bg_place *place, struct bg_error *err)
{
	return parse(text, length_bytes, stream, document, used_bytes, place, err);
}
