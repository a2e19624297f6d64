// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * libFuzzer: any bytes as a line of `explain --queries`, and what is accepted on to the
 * packet, to words, and to the command for a shell, with the branch's name as the id of
 * every group: what stands there is anybody's.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/ip.h"
#include "explain/missing.h"
#include "explain/query.h"
#include "promises.h"
#include "protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void must_have_a_service(const struct bg_question *question)
{
	MUST(question->protocol >= 0 && question->protocol <= 255);
	MUST(bg_has_ports(question->protocol) == (question->port >= 0));
	MUST(bg_is_icmp(question->protocol) == (question->icmp_type >= 0));
	MUST(question->port <= 65535 && question->icmp_type <= 255);
	MUST(question->icmp_code >= 0 && question->icmp_code <= 255);
}

static void must_be_a_question(const struct bg_question *question)
{
	struct bg_error err;

	MUST(*question->branch && strlen(question->branch) < BG_QUESTION_BRANCH_BYTES);
	MUST(question->direction == BG_INGRESS || question->direction == BG_EGRESS);
	MUST(!bg_question_check(question, &bg_question_keys, &err));
}

static void must_make_a_frame(struct bg_question *question)
{
	const bool v4 = bg_addr_is_v4(&question->remote);
	__u8 frame[BG_QUESTION_BYTES];
	size_t length;

	if (!question->has_local)
		question->local = question->remote;
	length = bg_question_frame(question, frame);
	MUST(length >= 14 + 20 && length <= sizeof(frame));
	MUST(frame[14] >> 4 == (v4 ? 4 : 6));
	MUST(frame[v4 ? 14 + 9 : 14 + 6] == question->protocol);
	MUST(length == 14u + (v4 ? (size_t)frame[16] << 8 | frame[17]
				 : 40u + ((size_t)frame[18] << 8 | frame[19])));
}

/* A shell takes these words, and does nothing else: outside of quotes stands only what
 * means nothing to it. */
static void must_be_one_command(const char *command)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_.:/";
	size_t words = 1;

	while (*command) {
		if (*command == '\'') {
			command = strchr(command + 1, '\'');
			MUST(command);
		} else if (*command == '\\') {
			MUST(command[1] == '\'');
			command++;
		} else if (*command == ' ') {
			words++;
		} else {
			MUST(strchr(plain, *command));
		}
		command++;
	}
	MUST(words == 7);
}

/* There is none only where the ids, each quote of theirs four characters, are too long. */
static void must_be_command_or_none(const struct bg_missing *missing, const char *command)
{
	const size_t words_bytes = 256;

	if (*command)
		must_be_one_command(command);
	else
		MUST(strlen(missing->owner) * 2 * 4 + words_bytes > BG_MISSING_TEXT);
}

static void must_be_proposed(const struct bg_question *question)
{
	const char *const ids[] = { question->branch };
	struct bg_missing missing = {
		.owner = question->branch,
		.groups = ids,
		.group_count = 1,
		.question = question,
	};
	char text[BG_MISSING_TEXT];

	for (int peers = 0; peers < 3; peers++) {
		json_t *json;

		missing.peers[0] = question->branch;
		missing.peer_count = peers > 0;
		missing.peers_are_lists = peers == 2;
		MUST(strlen(bg_missing_text(&missing, text)) < sizeof(text));
		must_be_command_or_none(&missing, bg_missing_command(&missing, text));
		json = bg_missing_json(&missing);
		MUST(json && json_is_string(json_object_get(json, "Command")) == !!*text);
		json_decref(json);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct bg_query query = { .question.port = 4711 };
	struct bg_question *question = &query.question;
	char text[BG_QUESTION_TEXT];
	struct bg_error err = {};

	if (bg_query_parse((const char *)bytes, length, &query, &err)) {
		MUST(*err.text && question->port == 4711);
		return 0;
	}
	MUST(query.expected <= BG_EXPECT_DENY);
	must_have_a_service(question);
	MUST(strlen(bg_question_service(question, text)) < BG_SERVICE_TEXT - 1);
	if (query.is_path) {
		MUST(*query.from && strlen(query.from) < sizeof(query.from));
		MUST(*query.to && strlen(query.to) < sizeof(query.to));
		return 0;
	}
	must_be_a_question(question);
	must_make_a_frame(question);
	MUST(strlen(bg_question_format(question, text)) < sizeof(text) - 1);
	must_be_proposed(question);
	return 0;
}
