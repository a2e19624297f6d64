// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "for_attach.h"

static const char *const only[] = { "tc_branch_ingress", "tc_branch_egress", "tc_stand_in",
				    "xdp_branch", NULL };
const char *pin_dir;
struct bg_datapath *datapath;
struct bg_attach_context context;

void load(void)
{
	const struct bg_datapath_options options = { .max_flows = 64, .only = only };
	struct bg_error err = {};

	must(bg_datapath_open(&options, &datapath, &err), &err);
	context = (struct bg_attach_context){ .pin_dir = pin_dir, .skel = datapath->skel };
}

void load_pinned(void)
{
	const struct bg_datapath_options options = script_options(only);
	struct bg_error err = {};

	bg_datapath_close(datapath);
	must(bg_datapath_open(&options, &datapath, &err), &err);
	must(bg_datapath_pin(datapath, &err), &err);
	must(bg_datapath_pin_programs(datapath, &err), &err);
	context.skel = datapath->skel;
}

int begin(void **state)
{
	(void)state;
	pin_dir = script_begin_locked();
	script_interface(ETH, "vlan.eth.9");
	load();
	context.tcx = true;
	return 0;
}

int begin_without_tcx(void **state)
{
	if (begin(state))
		return -1;
	script_without_tcx();
	context.tcx = false;
	return 0;
}

int end(void **state)
{
	(void)state;
	bg_datapath_close(datapath);
	datapath = NULL;
	script_end_locked();
	return 0;
}

const int errors[] = { EPERM, EBUSY, EINTR, ENOMEM, ENOBUFS };

struct bg_attachment wanted(enum bg_program program)
{
	struct bg_attachment attachment = { .program = program, .ifindex = ETH, .link_fd = -1 };

	snprintf(attachment.interface, sizeof(attachment.interface), "vlan.eth.9");
	return attachment;
}

struct bg_attachment attach(enum bg_program program)
{
	struct bg_attachment attachment = wanted(program);
	struct bg_error err = {};
	bool made_qdisc = false;

	must(bg_attach(&context, &attachment, &made_qdisc, &err), &err);
	return attachment;
}

void detach(struct bg_attachment *attachment)
{
	struct bg_error err = {};

	must(bg_detach(pin_dir, attachment, &err), &err);
}

bool is_there(const struct bg_attachment *attachment)
{
	return bg_attach_look(attachment) == BG_ATTACH_RUNS;
}

/* "other 14, tc_branch_ingress 12" without the numbers. */
char *names_on(enum bg_hook hook)
{
	char *names = strdup(script_hook(ETH, hook)), *into = names;

	assert_non_null(names);
	for (const char *c = names; *c; c++) {
		if (c[0] == ' ' && c[1] >= '0' && c[1] <= '9') {
			c += strcspn(c + 1, ",");
			continue;
		}
		*into++ = *c;
	}
	*into = '\0';
	return names;
}

void packets_meet(enum bg_hook hook, const char *expected)
{
	char *names = names_on(hook);

	assert_string_equal(names, expected);
	free(names);
}

void names_program_and_interface(const struct bg_error *err)
{
	if (!strstr(err->text, "tc_branch_ingress") || !strstr(err->text, "vlan"))
		fail_msg("it only says: %s", err->text);
}
