// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * libFuzzer: any bytes as what EC2, STS, or EKS's agent answers; the first one says whom we asked. What is
 * taken for a page is an answer of `aws`, which the model takes.
 */
#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "fleet/aws/ec2_client.h"
#include "fleet/aws/refusal.h"
#include "fleet/gather/cluster.h"
#include "promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void must_be_an_answer(const struct bg_ec2_text *text)
{
	json_t *json = json_loadb(text->text, text->length_bytes, JSON_REJECT_DUPLICATES, NULL);
	struct bg_cluster cluster = {};
	struct bg_error err = {};

	MUST(json_is_object(json));
	json_decref(json);
	MUST(!bg_cluster_read(&cluster, text->name, text->text, text->length_bytes, &err));
	bg_cluster_release(&cluster);
}

static void take_page(enum bg_ec2_action action, const char *text, size_t length)
{
	struct bg_ec2_sweep sweep = { .action = action };
	struct bg_error err = {};

	/* entries are asked for of a list that has a name */
	if (action == BG_EC2_ENTRIES)
		bg_name_set_add(&sweep.lists, "pl-1");
	if (bg_ec2_take_page(&sweep, text, length, &err)) {
		MUST(*err.text);
		MUST(!sweep.texts.count);
	}
	for (size_t i = 0; i < sweep.texts.count; i++)
		must_be_an_answer(&sweep.texts.text[i]);
	bg_ec2_sweep_release(&sweep);
}

static void take_keys(bool of_agent, const char *text, size_t length)
{
	struct bg_aws_keys keys = {};
	struct bg_error err = {};
	int rc = (of_agent ? bg_aws_keys_of_agent : bg_aws_keys_of_sts)(text, length, &keys, &err);

	MUST(rc ? *err.text && !keys.id : keys.id && keys.secret && keys.expires_ns);
	MUST(rc || !strpbrk(keys.session, " \r\n"));
	bg_aws_keys_release(&keys);
}

static void take_refusal(const char *text, size_t length)
{
	const struct bg_aws_keys keys = {};
	const struct bg_web_answer answer = { .status = 400, .body = text, .length_bytes = length };
	struct bg_error err = {};

	MUST(bg_aws_refused("Action", "https://ec2", &answer, &keys, &err) < 0);
	MUST(!strpbrk(err.text, "\r\n\x1b"));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const unsigned int whom = length ? bytes[0] % (BG_EC2_ACTIONS + 3) : 0;
	char *text = length ? strndup((const char *)bytes + 1, length - 1) : NULL;
	const size_t left = text ? strlen(text) : 0;

	if (!text)
		return 0;
	if (whom < BG_EC2_ACTIONS)
		take_page((enum bg_ec2_action)whom, text, left);
	else if (whom == BG_EC2_ACTIONS)
		take_refusal(text, left);
	else
		take_keys(whom == BG_EC2_ACTIONS + 1, text, left);
	free(text);
	return 0;
}
