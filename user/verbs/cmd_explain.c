// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard explain: the verdict on a packet that is not sent, and which rule. Here are
 * its options and the text of an answer; explain/ asks the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/format.h"
#include "base/ip.h"
#include "base/names.h"
#include "explain/batch.h"
#include "explain/path.h"
#include "feed/feed.h"
#include "show/out.h"
#include "verbs/cli.h"
#include "verbs/read_feed.h"

struct request {
	const char *feed, *pin_dir, *queries, *branch, *protocol, *from, *to;
	bool live, json, has_direction, has_remote, has_port, has_type, has_code;
	int direction; /* enum bg_direction */
	int xdp;       /* index in hooks */
	__u32 port, icmp_type, icmp_code;
	struct bg_question question;
};

static int fill_service(struct request *request, struct bg_error *err)
{
	struct bg_question *question = &request->question;

	question->protocol = bg_protocol_parse(request->protocol);
	if (question->protocol < 0)
		return bg_fail(err, -EINVAL,
			       "--protocol '%.32s': expected tcp, udp, icmp, icmpv6 or a number "
			       "from 0 to 255",
			       request->protocol);
	question->port = request->has_port ? (int)request->port : -1;
	question->icmp_type = request->has_type ? (int)request->icmp_type : -1;
	question->icmp_code = (int)request->icmp_code;
	return 0;
}

static int fill_question(struct request *request, struct bg_error *err)
{
	struct bg_question *question = &request->question;
	int rc;

	if (!request->branch || !request->has_direction || !request->protocol ||
	    !request->has_remote)
		return bg_fail(err, -EINVAL,
			       "a question needs --branch, --direction, --protocol and --remote; "
			       "or --from, --to and --protocol; or --queries FILE with one on each "
			       "line");
	if (strlen(request->branch) >= sizeof(question->branch))
		return bg_fail(err, -EINVAL, "--branch has more than %zu bytes",
			       sizeof(question->branch) - 1);
	snprintf(question->branch, sizeof(question->branch), "%s", request->branch);
	question->direction = request->direction;
	rc = fill_service(request, err);
	return rc ? rc : bg_question_check(question, err);
}

static int check_path(struct request *request, struct bg_error *err)
{
	if (!request->from || !request->to || !request->protocol)
		return bg_fail(err, -EINVAL, "a path needs --from, --to and --protocol");
	if (request->queries || request->branch || request->has_direction || request->has_remote ||
	    request->question.has_local || request->xdp)
		return bg_fail(err, -EINVAL,
			       "--from and --to go with --protocol, --port, --icmp-type and "
			       "--icmp-code only");
	if (request->live)
		return bg_fail(err, -EINVAL,
			       "--from and --to need --feed: the pods' names are there");
	return fill_service(request, err);
}

static int check_usage(struct request *request, struct bg_error *err)
{
	bool single = request->branch || request->has_direction || request->protocol ||
		      request->has_remote || request->question.has_local || request->has_port ||
		      request->has_type || request->has_code;

	if (!request->feed == !request->live)
		return bg_fail(err, -EINVAL, "expected either --feed FEED or --live");
	if (request->from || request->to)
		return check_path(request, err);
	if (!request->queries)
		return fill_question(request, err);
	if (single)
		return bg_fail(err, -EINVAL,
			       "--queries FILE and a question of its own exclude "
			       "each other");
	if (request->feed && !strcmp(request->feed, "-") && !strcmp(request->queries, "-"))
		return bg_fail(err, -EINVAL, "feed and questions cannot both come from stdin");
	return 0;
}

static enum bg_explain_program program_for(const struct request *request,
					   enum bg_direction direction)
{
	if (direction == BG_EGRESS)
		return BG_EXPLAIN_BRANCH_EGRESS;
	return request->xdp ? BG_EXPLAIN_BRANCH_INGRESS_XDP : BG_EXPLAIN_BRANCH_INGRESS;
}

/* Questions from a file may be of both directions. */
static unsigned int programs_for(const struct request *request)
{
	if (!request->queries)
		return BG_EXPLAIN_BIT(program_for(request, request->question.direction));
	return BG_EXPLAIN_BIT(program_for(request, BG_INGRESS)) |
	       BG_EXPLAIN_BIT(program_for(request, BG_EGRESS));
}

static const char *program_name(const struct request *request)
{
	return bg_explain_program_name(program_for(request, request->question.direction));
}

static void print_rule(const char *head, const struct bg_explain_rule *rule)
{
	char protocol[BG_PROTOCOL_TEXT], ports[BG_FORMAT_TEXT];

	if (!rule)
		return;
	printf("  %-9s %s", head, rule->group_id);
	if (rule->group_name && *rule->group_name)
		printf(" (%s)", rule->group_name);
	if (rule->rule_id)
		printf(" %s", rule->rule_id);
	printf(": %s %s", bg_direction_name(rule->rule.direction),
	       bg_protocol_format(rule->rule.protocol, protocol));
	if (rule->rule.protocol >= 0)
		printf(" %s", bg_format_ports(&rule->rule, ports));
	printf(" %s %s\n", rule->rule.direction == BG_INGRESS ? "from" : "to", rule->rule.peer);
}

static void print_answer(const struct request *request, const struct bg_explainer *explainer,
			 const struct bg_explain_branch *branch, const struct bg_answer *answer)
{
	char text[BG_QUESTION_TEXT];
	bool v4 = bg_addr_is_v4(&request->question.remote);

	printf("%s: %s, %s of %s\n", answer->allowed ? "allow" : "deny",
	       bg_question_format(&request->question, text),
	       bg_direction_name(request->question.direction), branch->id);
	printf("  %-9s %s: %s\n", "reason", bg_reason_name(answer->reason),
	       bg_reason_meaning(answer->reason));
	if (!request->question.has_local && !branch->has_local[!v4])
		printf("  %-9s the branch has no %s address\n", "", v4 ? "IPv4" : "IPv6");
	print_rule("rule", bg_explain_rule(explainer, answer->rule));
	print_rule("node rule", bg_explain_rule(explainer, answer->node_rule));
	printf("  %-9s %s, %s, VLAN %u\n", "branch", branch->interface, bg_mode_name(branch->mode),
	       branch->vlan);
	if (*bg_explain_revision(explainer))
		printf("  %-9s %s\n", "revision", bg_explain_revision(explainer));
	printf("  %-9s %s, by a test run; nothing was sent\n", "judged by", program_name(request));
}

static json_t *rule_json(const struct bg_explain_rule *rule)
{
	char protocol[BG_PROTOCOL_TEXT], ports[BG_FORMAT_TEXT];

	if (!rule)
		return json_null();
	return json_pack("{s:s, s:o, s:o, s:s, s:s, s:s, s:o}", "GroupId", rule->group_id,
			 "GroupName",
			 rule->group_name ? bg_json_text(rule->group_name) : json_null(), "RuleId",
			 rule->rule_id ? bg_json_text(rule->rule_id) : json_null(), "Direction",
			 bg_direction_name(rule->rule.direction), "Protocol",
			 bg_protocol_format(rule->rule.protocol, protocol), "Ports",
			 bg_format_ports(&rule->rule, ports), "Peer",
			 bg_json_text(rule->rule.peer));
}

static int print_answer_json(const struct request *request, const struct bg_explainer *explainer,
			     const struct bg_explain_branch *branch, const struct bg_answer *answer,
			     struct bg_error *err)
{
	char text[BG_QUESTION_TEXT], local[BG_IP_TEXT];
	json_t *json = bg_answer_json(explainer, answer), *more;

	more = json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:s, s:o}", "Meaning",
			 bg_reason_meaning(answer->reason), "Packet",
			 bg_question_format(&request->question, text), "Branch",
			 bg_json_text(branch->id), "Direction",
			 bg_direction_name(request->question.direction), "Local",
			 bg_addr_format(&request->question.local, local), "Rule",
			 rule_json(bg_explain_rule(explainer, answer->rule)), "NodeRule",
			 rule_json(bg_explain_rule(explainer, answer->node_rule)), "Program",
			 program_name(request), "Revision",
			 bg_json_text(bg_explain_revision(explainer)));
	if (!json || !more || json_object_update(json, more)) {
		json_decref(json);
		json = NULL;
	}
	json_decref(more);
	return bg_print_json(json, err);
}

static int answer_one(struct request *request, struct bg_explainer *explainer, struct bg_error *err)
{
	const struct bg_explain_branch *branch;
	struct bg_answer answer;
	int rc;

	branch = bg_explain_find(explainer, request->question.branch, err);
	if (!branch)
		return -ENOENT;
	rc = bg_explain(explainer, &request->question, &answer, err);
	if (rc)
		return rc;
	if (request->json)
		return print_answer_json(request, explainer, branch, &answer, err);
	print_answer(request, explainer, branch, &answer);
	return 0;
}

/* The output has an error for each question without an answer; this fails for them. */
static int answer_all(const struct request *request, struct bg_explainer *explainer,
		      struct bg_error *err)
{
	bool from_stdin = !strcmp(request->queries, "-");
	bg_auto_close int file = -1;
	size_t bad;
	int rc;

	if (!from_stdin) {
		file = open(request->queries, O_RDONLY | O_CLOEXEC);
		if (file < 0)
			return bg_fail(err, -errno, "opening the questions %s: %s",
				       request->queries, strerror(errno));
	}
	rc = bg_explain_batch(explainer, from_stdin ? STDIN_FILENO : file, &bad, err);
	if (rc)
		return rc;
	if (bad)
		return bg_fail(err, -EINVAL,
			       "%zu of the questions could not be answered; each has "
			       "its \"Error\" in the output",
			       bad);
	return 0;
}

static int answer_path(const struct request *request, struct bg_error *err)
{
	bg_cleanup(bg_model_free_at) struct bg_model *model = NULL;
	bg_cleanup(bg_path_release) struct bg_path path = { .from_name = request->from,
							    .to_name = request->to,
							    .question = request->question };
	int rc;

	rc = bg_read_feed(request->feed, &model, NULL, err);
	if (rc)
		return rc;
	path.model = model;
	rc = bg_explain_path(&path, err);
	if (rc)
		return rc;
	if (request->json)
		return bg_print_json(bg_path_json(&path), err);
	bg_path_print(&path);
	return 0;
}

static int explain(struct request *request, struct bg_error *err)
{
	bg_cleanup(bg_model_free_at) struct bg_model *model = NULL;
	bg_cleanup(bg_explainer_close_at) struct bg_explainer *explainer = NULL;
	unsigned int programs = programs_for(request);
	int rc;

	if (request->from)
		return answer_path(request, err);
	if (request->live) {
		rc = bg_explainer_open_live(request->pin_dir, programs, &explainer, err);
	} else {
		rc = bg_read_feed(request->feed, &model, NULL, err);
		if (!rc)
			rc = bg_explainer_open(model, programs, &explainer, err);
	}
	if (rc)
		return rc;
	if (request->queries)
		return answer_all(request, explainer, err);
	return answer_one(request, explainer, err);
}

int cmd_explain(int argc, char **argv)
{
	static const char *const directions[] = { "ingress", "egress", NULL };
	static const char *const hooks[] = { "tc", "xdp", NULL };
	struct request request = { .pin_dir = BG_DEFAULT_PIN_DIR };
	const struct bg_option options[] = {
		{ .name = "feed",
		  .letter = 'f',
		  .type = BG_OPTION_FILE,
		  .value = &request.feed,
		  .argument = "FEED",
		  .help = "by the rules of this feed" },
		{ .name = "live",
		  .letter = 'l',
		  .type = BG_OPTION_FLAG,
		  .value = &request.live,
		  .help = "by what the running datapath has in force; its flows, counters and "
			  "hits are not touched" },
		BG_OPTION_BRANCH(&request.branch, "id, interface or VLAN id"),
		{ .name = "direction",
		  .letter = 'd',
		  .type = BG_OPTION_ENUM,
		  .value = &request.direction,
		  .given = &request.has_direction,
		  .words = directions,
		  .help = "ingress is toward the pod, egress from the pod" },
		{ .name = "protocol",
		  .letter = 'p',
		  .type = BG_OPTION_STRING,
		  .value = &request.protocol,
		  .argument = "PROTOCOL",
		  .help = "tcp, udp, icmp, icmpv6 or a number" },
		{ .name = "remote",
		  .letter = 'r',
		  .type = BG_OPTION_IP,
		  .value = &request.question.remote,
		  .given = &request.has_remote,
		  .argument = "IP",
		  .help = "the other end's address" },
		{ .name = "port",
		  .type = BG_OPTION_U32,
		  .value = &request.port,
		  .given = &request.has_port,
		  .argument = "N",
		  .max = 65535,
		  .help = "destination port (tcp, udp)" },
		{ .name = "icmp-type",
		  .type = BG_OPTION_U32,
		  .value = &request.icmp_type,
		  .given = &request.has_type,
		  .argument = "N",
		  .max = 255,
		  .help = "ICMP type; echo request is 8, in IPv6 128" },
		{ .name = "icmp-code",
		  .type = BG_OPTION_U32,
		  .value = &request.icmp_code,
		  .given = &request.has_code,
		  .argument = "N",
		  .max = 255,
		  .help = "ICMP code (default 0)" },
		{ .name = "local",
		  .type = BG_OPTION_IP,
		  .value = &request.question.local,
		  .given = &request.question.has_local,
		  .argument = "IP",
		  .help = "the pod's address (default: the first of that family)" },
		{ .name = "from",
		  .type = BG_OPTION_STRING,
		  .value = &request.from,
		  .argument = "END",
		  .help = "ask for a whole path: from a pod (name, namespace/name or address), "
			  "\"node\", or any address" },
		{ .name = "to",
		  .type = BG_OPTION_STRING,
		  .value = &request.to,
		  .argument = "END",
		  .help = "the other end, in the same form; each interface that would judge the "
			  "packet is asked" },
		{ .name = "queries",
		  .letter = 'q',
		  .type = BG_OPTION_FILE,
		  .value = &request.queries,
		  .argument = "FILE",
		  .help = "questions from FILE (- is stdin), a JSON object a line: {\"Branch\", "
			  "\"Direction\", \"Protocol\", \"Remote\", \"Port\" | \"IcmpType\", "
			  "\"IcmpCode\", \"Local\"}; answered a line each, in the same order" },
		{ .name = "hook",
		  .type = BG_OPTION_ENUM,
		  .value = &request.xdp,
		  .words = hooks,
		  .help = "which program judges ingress (default tc); the verdict is the same" },
		BG_OPTION_JSON(&request.json),
		BG_OPTION_PIN_DIR(&request.pin_dir),
		{}
	};
	const struct bg_command command = {
		.verb = "explain",
		.about = "Says whether a packet would pass, and by which rule. The packet is built "
			 "and given to the BPF program itself in a test run, as the first of its "
			 "flow; nothing is sent or attached.",
		.options = options,
	};
	int status = bg_cli(&command, argc, argv);
	struct bg_error err;

	if (status >= 0)
		return status;
	if (check_usage(&request, &err))
		return bg_cli_misused("explain", &err);
	if (explain(&request, &err) || bg_out_finish(&err))
		return bg_cli_failed("explain", &err);
	return BG_EXIT_DONE;
}
