// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads the plugin's configuration, as it stands in a conflist and comes by standard input.
 * cni_call.c calls it. It does not look into prevResult (prev_result.c).
 */
#include "cni/network_config.h"

#include <errno.h>
#include <string.h>

#include "cni/codes.h"
#include "cni/raw_json.h"
#include "feed/near_key.h"
#include "pinned/pin.h"

const char *const bg_gate_failure_words[] = {
	[BG_GATE_CLOSED] = "closed",
	[BG_GATE_OPEN] = "open",
	NULL,
};

/* Results have had this shape since 0.3.0. */
const char *const bg_cni_versions[] = { "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0", NULL };

enum config_key { CNI_VERSION, FAILURE, TIMEOUT, PIN_DIR, PREV_RESULT };
static const char *const config_keys[] = { "cniVersion", "failure",    "timeoutSeconds",
					   "pinDir",	 "prevResult", NULL };
static const struct bg_shape config_shape = { .keys = config_keys, .used = 5 };

static int look_for_near_key(const struct bg_json *root, struct bg_error *err)
{
	for (const struct bg_json *child = root->first; child; child = child->next) {
		for (int key = FAILURE; key <= PIN_DIR; key++) {
			const struct bg_at at = { .key = child->key };
			char pointer[BG_POINTER_TEXT];

			if (bg_text_is(child->key, config_keys[key]) ||
			    !bg_key_is_near(child->key, config_keys[key]))
				continue;
			return bg_fail_at(err, bg_at_format(&at, false, pointer),
					  "the plugin has no such key: write \"%s\"",
					  config_keys[key]);
		}
	}
	return 0;
}

static int read_version(const struct bg_fields *fields, struct bg_network_config *config,
			struct bg_error *err)
{
	struct bg_text version = { "", 0 };
	char text[sizeof(config->cni_version)];
	size_t i = 0;

	if (bg_get_text(fields, CNI_VERSION, sizeof(text) - 1, &version, err))
		return BG_CNI_VERSION;
	bg_text_copy(version, text, sizeof(text));
	while (bg_cni_versions[i] && strcmp(bg_cni_versions[i], text) != 0)
		i++;
	if (!bg_cni_versions[i]) {
		bg_fail(err, -EPROTO,
			"cniVersion: found \"%s\", expected one from %s to 1.1.0: give the network "
			"configuration (/etc/cni/net.d) one of these",
			text, bg_cni_versions[0]);
		return BG_CNI_VERSION;
	}
	snprintf(config->cni_version, sizeof(config->cni_version), "%s", text);
	return 0;
}

static int read_settings(const struct bg_fields *fields, const struct bg_json *root,
			 struct bg_network_config *config, struct bg_error *err)
{
	struct bg_text pin_dir = {};

	if (bg_get_word(fields, FAILURE, bg_gate_failure_words, &config->failure, err) ||
	    bg_get_integer(fields, TIMEOUT, 0, BG_GATE_MOST_S, &config->timeout_s, err) ||
	    bg_get_id(fields, PIN_DIR, sizeof(config->pin_dir) - 1, &pin_dir, err) ||
	    look_for_near_key(root, err))
		return BG_CNI_CONFIG;
	if (!pin_dir.length)
		return 0;
	if (pin_dir.bytes[0] != '/') {
		bg_field_unexpected(fields, PIN_DIR, "an absolute path on a BPF file system", err);
		return BG_CNI_CONFIG;
	}
	bg_text_copy(pin_dir, config->pin_dir, sizeof(config->pin_dir));
	return 0;
}

int bg_network_config_read(struct bg_text text, struct bg_network_config *config,
			   struct bg_error *err)
{
	struct bg_place place = {};
	const struct bg_json *root;
	struct bg_fields fields;
	int rc;

	*config = (struct bg_network_config){ .timeout_s = BG_GATE_TIMEOUT_S };
	snprintf(config->pin_dir, sizeof(config->pin_dir), "%s", BG_DEFAULT_PIN_DIR);
	rc = bg_json_parse(text.bytes, text.length, NULL, &config->document, &place, err);
	if (rc == -ENOMEM)
		return BG_CNI_IO;
	if (rc && place.line)
		bg_fail_in(err, rc, "line %u, column %u", place.line, place.column);
	if (rc)
		return BG_CNI_DECODE;
	root = bg_json_root(config->document);
	if (bg_json_fields(root, NULL, &config_shape, NULL, NULL, &fields, err))
		return BG_CNI_DECODE;
	rc = read_version(&fields, config, err) ?: read_settings(&fields, root, config, err);
	if (rc)
		return rc;
	if (fields.values[PREV_RESULT])
		config->prev_result =
			bg_raw_value(text, root, config_keys[PREV_RESULT], &config->prev_text);
	return 0;
}

void bg_network_config_free(struct bg_network_config *config)
{
	bg_json_free(config->document);
	config->document = NULL;
}
