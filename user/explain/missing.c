// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Writes down the rule that is missing; ends.c finds out whose it is and whom it must
 * name. Whether that rule should exist is not for a program to say.
 */
#include "explain/missing.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/ip.h"
#include "base/names.h"
#include "protocol.h"
#include "show/out.h"

struct writer {
	char *text;
	size_t length;
};

static void __attribute__((format(printf, 2, 3))) add(struct writer *w, const char *format, ...)
{
	size_t room = BG_MISSING_TEXT - w->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(w->text + w->length, room, format, arguments);
	va_end(arguments);
	if (length > 0)
		w->length += (size_t)length < room ? (size_t)length : room - 1;
}

/* The address alone, as a rule's peer has it. */
static const char *cidr_of(const struct bg_missing *missing, char text[BG_IP_TEXT + 4])
{
	char ip[BG_IP_TEXT];

	snprintf(text, BG_IP_TEXT + 4, "%s/%d", bg_addr_format(&missing->question->remote, ip),
		 bg_addr_is_v4(&missing->question->remote) ? 32 : 128);
	return text;
}

/* --- in words ------------------------------------------------------------------ */

static void add_list(struct writer *w, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add(w, "%s%s", i ? ", " : "", names[i]);
}

const char *bg_missing_text(const struct bg_missing *missing, char *text)
{
	struct writer w = { .text = text };
	char cidr[BG_IP_TEXT + 4], service[BG_SERVICE_TEXT];

	*text = '\0';
	if (!missing->group_count && !missing->groups_unknown) {
		add(&w, "a group: %s has none, so nothing is allowed", missing->owner);
		return text;
	}
	add(&w, "a rule of %s's groups", missing->owner);
	if (missing->group_count) {
		add(&w, " (");
		add_list(&w, missing->groups, missing->group_count);
		add(&w, ")");
	}
	add(&w, ": %s %s %s ", bg_direction_name(missing->question->direction),
	    bg_question_service(missing->question, service),
	    missing->question->direction == BG_INGRESS ? "from" : "to");
	if (!missing->peer_count) {
		add(&w, "%s", cidr_of(missing, cidr));
		return text;
	}
	add(&w, "%s", missing->peers[0]);
	if (missing->peer_count > 1) {
		add(&w, " (or ");
		add_list(&w, missing->peers + 1, missing->peer_count - 1);
		add(&w, ")");
	}
	return text;
}

/* --- in EC2's shape ---------------------------------------------------------------- */

/* FromPort and ToPort: ports, or type and code; false: this protocol has none. */
static bool ports_of(const struct bg_missing *missing, int *from, int *to)
{
	if (bg_is_icmp(missing->question->protocol)) {
		*from = missing->question->icmp_type;
		*to = missing->question->icmp_code;
		return true;
	}
	*from = *to = missing->question->port;
	return bg_has_ports(missing->question->protocol);
}

struct peer {
	const char *list, *key, *value;
	const char *account; /* EC2 looks for a group in the asking account without it */
};

static struct peer peer_of(const struct bg_missing *missing, char cidr[BG_IP_TEXT + 4])
{
	if (missing->peer_count && missing->peers_are_lists)
		return (struct peer){ "PrefixListIds", "PrefixListId", missing->peers[0], NULL };
	if (missing->peer_count)
		return (struct peer){ "UserIdGroupPairs", "GroupId", missing->peers[0],
				      missing->peer_account };
	cidr_of(missing, cidr);
	return bg_addr_is_v4(&missing->question->remote)
		       ? (struct peer){ "IpRanges", "CidrIp", cidr, NULL }
		       : (struct peer){ "Ipv6Ranges", "CidrIpv6", cidr, NULL };
}

/* Within single quotes; one that stands in the text ends them, is quoted itself, and
 * opens them again. */
static void add_quoted(struct writer *w, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			add(w, "'\\''");
		else
			add(w, "%c", *text);
	}
}

/* A word of the shell, in quotes only if it needs them: ids of EC2 do not. */
static void add_word(struct writer *w, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_.:/";

	if (*text && !text[strspn(text, plain)]) {
		add(w, "%s", text);
		return;
	}
	add(w, "'");
	add_quoted(w, text);
	add(w, "'");
}

const char *bg_missing_command(const struct bg_missing *missing, char *text)
{
	struct writer w = { .text = text };
	char protocol[BG_PROTOCOL_TEXT], cidr[BG_IP_TEXT + 4];
	struct peer peer = peer_of(missing, cidr);
	int from, to;

	*text = '\0';
	if (!missing->group_count)
		return text;
	add(&w, "aws ec2 authorize-security-group-%s --group-id ",
	    bg_direction_name(missing->question->direction));
	add_word(&w, missing->groups[0]);
	add(&w, " --ip-permissions 'IpProtocol=%s",
	    bg_protocol_format(missing->question->protocol, protocol));
	if (ports_of(missing, &from, &to))
		add(&w, ",FromPort=%d,ToPort=%d", from, to);
	add(&w, ",%s=[{%s=", peer.list, peer.key);
	add_quoted(&w, peer.value);
	if (peer.account)
		add(&w, ",UserId=%s", peer.account);
	add(&w, "}]'");
	/* half a command is none */
	if (w.length == BG_MISSING_TEXT - 1)
		*text = '\0';
	return text;
}

static json_t *permission_json(const struct bg_missing *missing)
{
	char protocol[BG_PROTOCOL_TEXT], cidr[BG_IP_TEXT + 4];
	struct peer peer = peer_of(missing, cidr);
	json_t *json = json_pack("{s:s, s:[{s:o, s:s*}]}", "IpProtocol",
				 bg_protocol_format(missing->question->protocol, protocol),
				 peer.list, peer.key, bg_json_text(peer.value), "UserId",
				 peer.account);
	int from, to;

	if (json && ports_of(missing, &from, &to) &&
	    (json_object_set_new(json, "FromPort", json_integer(from)) ||
	     json_object_set_new(json, "ToPort", json_integer(to)))) {
		json_decref(json);
		return NULL;
	}
	return json;
}

json_t *bg_missing_json(const struct bg_missing *missing)
{
	char text[BG_MISSING_TEXT], command[BG_MISSING_TEXT];
	json_t *groups = json_array();

	for (size_t i = 0; groups && i < missing->group_count; i++) {
		if (json_array_append_new(groups, bg_json_text(missing->groups[i]))) {
			json_decref(groups);
			groups = NULL;
		}
	}
	bg_missing_text(missing, text);
	bg_missing_command(missing, command);
	return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o}", "Owner", bg_json_text(missing->owner),
			 "GroupIds", groups, "Direction",
			 bg_direction_name(missing->question->direction), "IpPermission",
			 missing->group_count ? permission_json(missing) : json_null(), "Text",
			 bg_json_text(text), "Command",
			 *command ? bg_json_text(command) : json_null());
}
