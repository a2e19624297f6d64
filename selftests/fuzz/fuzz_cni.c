// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * libFuzzer: any bytes, as what a container runtime sends to branchguard-cni, and as the list of
 * plugins that the node's CNI wrote.
 */
#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "cni/codes.h"
#include "cni/conflist.h"
#include "cni/prev_result.h"
#include "promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* What is passed on is a whole object of JSON, and lies within what came. */
static void must_be_a_piece(struct bg_text text, struct bg_text piece, const struct bg_json *value)
{
	json_t *json;

	MUST(piece.bytes >= text.bytes && piece.bytes + piece.length <= text.bytes + text.length);
	MUST(piece.length);
	if (value->type != BG_JSON_OBJECT)
		return;
	MUST(piece.bytes[0] == '{' && piece.bytes[piece.length - 1] == '}');
	/* (jansson knows no number beyond a double's, and no NUL in a key) */
	json = json_loadb(piece.bytes, piece.length, JSON_ALLOW_NUL, NULL);
	MUST(!json || json_object_size(json) == value->count);
	json_decref(json);
}

static void must_be_a_result(const struct bg_json *result)
{
	struct bg_prev_result read = {};
	struct bg_error err = {};
	int rc = bg_prev_result_read(result, &read, &err);

	MUST(!rc == !*err.text);
	for (size_t i = 0; i < read.vlan_count; i++)
		MUST(read.vlans[i] > 0 && read.vlans[i] < BG_VLANS - 1);
	for (size_t i = 0; i < read.host_count; i++)
		MUST(*read.hosts[i] && strlen(read.hosts[i]) < sizeof(read.hosts[i]));
	bg_prev_result_free(&read);
}

static void must_be_a_configuration(struct bg_text text)
{
	struct bg_network_config config;
	struct bg_error err = {};
	int code = bg_network_config_read(text, &config, &err);

	MUST(!code == !*err.text);
	MUST(code == BG_CNI_DONE || code == BG_CNI_VERSION || code == BG_CNI_DECODE ||
	     code == BG_CNI_CONFIG);
	MUST(config.failure == BG_GATE_CLOSED || config.failure == BG_GATE_OPEN);
	MUST(config.timeout_s >= 0 && config.timeout_s <= BG_GATE_MOST_S);
	MUST(config.pin_dir[0] == '/');
	if (config.prev_result) {
		must_be_a_piece(text, config.prev_text, config.prev_result);
		must_be_a_result(config.prev_result);
	}
	bg_network_config_free(&config);
}

/* With ours at its end it is a list, and with ours once more it is the same. */
static void must_be_a_list(struct bg_text text)
{
	const struct bg_conflist_entry entry = { .timeout_s = 3, .pin_dir = "/sys/fs/bpf/\"x\\" };
	struct bg_json_writer merged = {}, again = {};
	struct bg_error err = {};

	if (bg_conflist_merge(text, &entry, &merged, &err)) {
		MUST(*err.text);
	} else {
		const struct bg_text list = { merged.text, merged.length_bytes };

		MUST(!bg_conflist_is_others(list));
		MUST(!bg_conflist_merge(list, &entry, &again, &err));
		MUST(again.length_bytes == list.length &&
		     !memcmp(again.text, list.bytes, list.length));
	}
	bg_json_writer_free(&merged);
	bg_json_writer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const struct bg_text text = { (const char *)bytes, length };

	must_be_a_configuration(text);
	must_be_a_list(text);
	return 0;
}
