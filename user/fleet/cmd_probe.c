// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard-fleet probe: does the process that writes a state file (`--state`) still run, and is
 * all well with it? For probes of kubelet in an image without a shell. It asks nobody but that file.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fleet/fleet.h"
#include "source/file.h"
#include "verbs/cli.h"

#define STATE_MOST_BYTES (1 << 20)
/* The file is written every five seconds, but not in the middle of a large sweep. */
#define WITHIN_S 60

static json_t *read_state(const char *path, struct bg_error *err)
{
	bg_auto_free char *text = NULL;
	size_t length_bytes;
	json_t *state;
	int rc = bg_file_read(path, BG_FILE_REGULAR, STATE_MOST_BYTES, &text, &length_bytes, err);

	if (rc == -ENOENT)
		bg_fail(err, rc, "%s: is not there: nobody has written it yet", path);
	if (rc)
		return NULL;
	state = json_loadb(text, length_bytes, 0, NULL);
	if (!json_is_object(state)) {
		bg_fail(err, -EINVAL, "%s: found no state of `follow` or `publish`", path);
		json_decref(state);
		return NULL;
	}
	return state;
}

/* When it was written, in seconds since 1970; -1: it does not say so. */
static time_t looked_at(const json_t *state)
{
	const char *text = json_string_value(json_object_get(state, "LookedAt"));
	struct tm utc = {};
	const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &utc) : NULL;

	return end && !*end ? timegm(&utc) : -1;
}

static int judge(const char *path, const json_t *state, __u32 within_s, bool well,
		 struct bg_error *err)
{
	const char *reason = json_string_value(json_object_get(state, "Reason"));
	const time_t at_s = looked_at(state);
	const long long age_s = (long long)(bg_realtime_ns() / BG_NS_PER_S) - at_s;

	if (at_s < 0)
		return bg_fail(err, -EINVAL, "%s: found no LookedAt, or no time in it", path);
	if (age_s > within_s)
		return bg_fail(err, -ETIMEDOUT,
			       "%s: written %lld s ago, expected %u s at most: who writes it is "
			       "gone, or hangs",
			       path, age_s, within_s);
	if (well && (json_is_true(json_object_get(state, "Stale")) ||
		     json_is_true(json_object_get(state, "Held"))))
		return bg_fail(err, -EAGAIN, "%s: %s", path, reason ?: "it does not say why");
	if (well && json_is_null(json_object_get(state, "Revision")))
		return bg_fail(err, -EAGAIN, "%s: no feed was put together yet", path);
	printf("written %lld s ago\n", age_s);
	return 0;
}

int cmd_probe(int argc, char **argv)
{
	const char *path = NULL;
	__u32 within_s = WITHIN_S;
	bool well = false;
	const struct bg_option options[] = {
		{ .name = "within",
		  .type = BG_OPTION_U32,
		  .value = &within_s,
		  .argument = "SECONDS",
		  .min = 5,
		  .max = 86400,
		  .help = "how old the file may be (default 60)" },
		{ .name = "well",
		  .type = BG_OPTION_FLAG,
		  .value = &well,
		  .help = "fail, too, while the feed is stale or not there yet, or something is "
			  "held, and say why" },
		{}
	};
	const struct bg_command command = {
		.verb = "probe",
		.about =
			"Looks into the file that `follow --state` or `publish --state` writes every "
			"few seconds, and fails when it is older: then who writes it is gone, or hangs.",
		.options = options,
		.operand = "FILE",
		.operand_required = true,
		.operand_value = &path,
	};
	int status = bg_cli(&command, argc, argv);
	struct bg_error err;
	json_t *state;

	if (status >= 0)
		return status;
	state = read_state(path, &err);
	status = state && !judge(path, state, within_s, well, &err) ? bg_cli_printed("probe")
								    : bg_cli_failed("probe", &err);
	json_decref(state);
	return status;
}
