// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Answers the calls of a container runtime, as the CNI's specification has them. cni_main.c
 * calls it. What the plugins before ours found out is passed on as it was written.
 */
#include "cni/cni_call.h"

#include <errno.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/printable.h"
#include "cni/codes.h"
#include "cni/gate_look.h"
#include "cni/network_config.h"

#define POD_TEXT 520

/* Is written, and is the exit status. */
static int fail(FILE *out, const char *cni_version, enum bg_cni_code code, const char *msg,
		const char *details)
{
	bg_cleanup(bg_json_writer_free) struct bg_json_writer json = {};

	bg_json_open(&json, '{');
	bg_json_key(&json, "cniVersion");
	bg_json_plain(&json, *cni_version ? cni_version : "1.0.0");
	bg_json_key(&json, "code");
	bg_json_number(&json, code);
	bg_json_key(&json, "msg");
	bg_json_string(&json, msg);
	bg_json_key(&json, "details");
	bg_json_string(&json, details);
	bg_json_close(&json, '}');
	/* out of memory: the code alone */
	if (json.failed)
		fprintf(out, "{\"cniVersion\":\"1.0.0\",\"code\":%d,\"msg\":\"out of memory\"}\n",
			code);
	else
		fprintf(out, "%.*s\n", (int)json.length_bytes, json.text);
	return 1;
}

static int answer_version(FILE *out)
{
	const char *newest = "";

	for (size_t i = 0; bg_cni_versions[i]; i++)
		newest = bg_cni_versions[i];
	fprintf(out, "{\"cniVersion\":\"%s\",\"supportedVersions\":[", newest);
	for (size_t i = 0; bg_cni_versions[i]; i++)
		fprintf(out, "%s\"%s\"", i ? "," : "", bg_cni_versions[i]);
	fputs("]}\n", out);
	return 0;
}

/* The value of a key of CNI_ARGS (K=V;K=V). */
static void argument(const char *args, const char *key, char *value, size_t size)
{
	const size_t length = strlen(key);

	*value = '\0';
	for (const char *at = args; at && *at;) {
		size_t bytes = strcspn(at, ";");

		if (bytes > length && !memcmp(at, key, length) && at[length] == '=')
			snprintf(value, size, "%.*s", (int)(bytes - length - 1), at + length + 1);
		at += bytes + (at[bytes] == ';');
	}
}

/* "pod shop/cart-0", or "container ID" */
static const char *pod_of(const struct bg_cni_call *call, char text[POD_TEXT])
{
	char namespace[256], name[256];

	argument(call->args, "K8S_POD_NAMESPACE", namespace, sizeof(namespace));
	argument(call->args, "K8S_POD_NAME", name, sizeof(name));
	if (*name)
		snprintf(text, POD_TEXT, "pod %s%s%s", namespace, *namespace ? "/" : "", name);
	else
		snprintf(text, POD_TEXT, "container %.64s", call->container_id);
	return bg_printable(text);
}

/* "VLAN 9", "VLANs 9, 10" */
static void put_vlans(const struct bg_prev_result *made, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "VLAN%s", made->vlan_count > 1 ? "s" : "");

	for (size_t i = 0; i < made->vlan_count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%u", i ? ", " : " ",
					 made->vlans[i]);
}

static const char *remedy(enum bg_gate_state state)
{
	switch (state) {
	case BG_GATE_NO_PINS:
		return "the runtime tries again; if this stays so, look why branchguard's daemon "
		       "does not start on this node, or take the gate away with `branchguard-cni "
		       "uninstall`";
	case BG_GATE_UNSEEN:
		return "the runtime tries again; if this stays so, look into the daemon's log";
	default:
		return "the runtime tries again; if this stays so, `branchguard status` says what "
		       "is in force here, and whether the feed's file is accepted";
	}
}

/* Armed or let go: passes on; else the error. `looks`: how long it was looked for. */
static int judge(const struct bg_cni_call *call, const struct bg_network_config *config,
		 const struct bg_prev_result *made, int timeout_s, FILE *out, FILE *log)
{
	char pod[POD_TEXT], vlans[64], msg[POD_TEXT + 128], details[sizeof(struct bg_error) + 512];
	struct bg_error why = {};
	enum bg_gate_state state;

	if (!made->address_count || !made->host_count) {
		bg_fail(&why, -EINVAL,
			"prevResult has a branch, but no %s, so the pod cannot be told from others",
			made->address_count ? "interface of the node" : "address");
		state = BG_GATE_UNSEEN;
		timeout_s = 0;
	} else {
		state = bg_gate_wait(config->pin_dir, made, timeout_s, &why);
	}
	if (state == BG_GATE_ARMED)
		return 0;
	put_vlans(made, vlans, sizeof(vlans));
	snprintf(msg, sizeof(msg), "branchguard: the branch of %s (%s) is not armed",
		 pod_of(call, pod), vlans);
	if (config->failure == BG_GATE_OPEN) {
		fprintf(log,
			"branchguard-cni: WARNING: %s, and it starts all the same, as \"failure\" "
			"is \"open\" in its network configuration: %s\n",
			msg, why.text);
		return 0;
	}
	if (timeout_s)
		snprintf(details, sizeof(details), "waited %d s: %s: %s", timeout_s, why.text,
			 remedy(state));
	else
		snprintf(details, sizeof(details), "%s: %s", why.text, remedy(state));
	return fail(out, config->cni_version, BG_CNI_TRY_AGAIN, msg, details);
}

/* ADD and CHECK. */
static int answer_pod(const struct bg_cni_call *call, const struct bg_network_config *config,
		      bool is_add, FILE *out, FILE *log)
{
	bg_cleanup(bg_prev_result_free) struct bg_prev_result made = {};
	struct bg_error err = {};
	int status;

	if (!config->prev_result)
		return fail(
			out, config->cni_version, BG_CNI_CONFIG,
			"branchguard: prevResult is missing",
			"branchguard-cni judges what other plugins made: in the list of plugins "
			"it stands behind them, not alone");
	if (!bg_prev_result_read(config->prev_result, &made, &err)) {
		status = made.vlan_count ? judge(call, config, &made,
						 is_add ? config->timeout_s : 0, out, log)
					 : 0;
	} else if (config->failure == BG_GATE_OPEN) {
		fprintf(log,
			"branchguard-cni: WARNING: whether the pod has a branch cannot be told, "
			"and it starts all the same, as \"failure\" is \"open\" in its network "
			"configuration: %s\n",
			err.text);
		status = 0;
	} else {
		status = fail(out, config->cni_version, BG_CNI_DECODE,
			      "branchguard: whether the pod has a branch cannot be told", err.text);
	}
	if (!status && is_add) {
		fwrite(config->prev_text.bytes, 1, config->prev_text.length, out);
		fputc('\n', out);
	}
	return status;
}

static int answer_status(const struct bg_network_config *config, FILE *out)
{
	struct bg_error why = {};
	char details[sizeof(why) + 256];

	/* without pins a pod that has a branch would wait in vain, unless it is let go */
	if (config->failure == BG_GATE_OPEN || bg_gate_is_loaded(config->pin_dir, &why))
		return 0;
	snprintf(details, sizeof(details), "%s", why.text);
	return fail(out, config->cni_version, BG_CNI_NOT_AVAILABLE,
		    "branchguard: nothing is loaded on this node", details);
}

static const char *missing(const struct bg_cni_call *call)
{
	if (!call->container_id || !*call->container_id)
		return "CNI_CONTAINERID";
	if (!call->netns || !*call->netns)
		return "CNI_NETNS";
	return call->interface && *call->interface ? NULL : "CNI_IFNAME";
}

static int answer_configured(const struct bg_cni_call *call, struct bg_text text,
			     const char *unread, FILE *out, FILE *log)
{
	bg_cleanup(bg_network_config_free) struct bg_network_config config = {};
	const bool is_add = !strcmp(call->command, "ADD");
	const char *lacks = strcmp(call->command, "STATUS") != 0 ? missing(call) : NULL;
	struct bg_error err = {};
	char details[128];
	int code;

	if (unread)
		return fail(out, "", BG_CNI_IO, "branchguard: reading the network configuration",
			    unread);
	code = bg_network_config_read(text, &config, &err);
	if (code)
		return fail(out, config.cni_version, code,
			    "branchguard: the network configuration is refused", err.text);
	if (lacks) {
		snprintf(details, sizeof(details), "%s is not set, which %s needs", lacks,
			 call->command);
		return fail(out, config.cni_version, BG_CNI_ENVIRONMENT,
			    "branchguard: the environment is not that of a CNI runtime", details);
	}
	if (!strcmp(call->command, "STATUS"))
		return answer_status(&config, out);
	return answer_pod(call, &config, is_add, out, log);
}

int bg_cni_answer(const struct bg_cni_call *call, struct bg_text text, const char *unread,
		  FILE *out, FILE *log)
{
	static const char *const configured[] = { "ADD", "CHECK", "STATUS", NULL };
	char details[160];

	if (!call->command)
		return fail(out, "", BG_CNI_ENVIRONMENT, "branchguard: CNI_COMMAND is not set",
			    "branchguard-cni is called by a container runtime; its verbs are "
			    "install, uninstall, help and version");
	if (!strcmp(call->command, "VERSION"))
		return answer_version(out);
	/* nothing was made for the pod, so there is nothing to take away */
	if (!strcmp(call->command, "DEL") || !strcmp(call->command, "GC"))
		return 0;
	for (size_t i = 0; configured[i]; i++)
		if (!strcmp(call->command, configured[i]))
			return answer_configured(call, text, unread, out, log);
	snprintf(details, sizeof(details),
		 "found \"%.40s\", expected ADD, DEL, CHECK, STATUS, GC or VERSION", call->command);
	return fail(out, "", BG_CNI_ENVIRONMENT, "branchguard: CNI_COMMAND is of no kind", details);
}
