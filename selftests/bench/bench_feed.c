// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From the text of a feed to packets judged by it, on one core: a group of
 * 100,000 members that 1,000 rules name, all of them an interface of their own
 * or all in one prefix list.
 *	bench_feed [--json]
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "datapath/datapath.h"
#include "feed/feed.h"
#include "feed_text.h"
#include "measure.h"

#define RUNS 5
#define MEMBERS 100000
#define RULES 1000

struct times {
	double parse_ms[RUNS], publish_ms[RUNS], all_ms[RUNS]; /* of CPU time */
	double elapsed_ms[RUNS];
};

/* ' stands for ", as in the tests' feeds. */
static void write_members(FILE *to, bool interfaces)
{
	fprintf(to, interfaces ? "'NetworkInterfaces':["
			       : "'PrefixLists':[{'PrefixListId':'pl-1','Entries':[");
	for (unsigned int i = 0; i < MEMBERS; i++) {
		/* spread over 10.0.0.0/8 */
		unsigned int host = i * 167 % (1 << 24);
		char addr[32];

		snprintf(addr, sizeof(addr), "10.%u.%u.%u", host >> 16, host >> 8 & 255,
			 host & 255);
		if (interfaces)
			fprintf(to,
				"%s{'NetworkInterfaceId':'eni-%05x','Groups':[{'GroupId':"
				"'sg-2'}],'PrivateIpAddresses':[{'PrivateIpAddress':'%s'}]"
				",'Ipv6Addresses':[{'Ipv6Address':'2001:db8:%x::%x'}]}",
				i ? "," : "", i, addr, i >> 8, i & 255);
		else
			fprintf(to, "%s{'Cidr':'%s/32','Description':'host %u'}", i ? "," : "",
				addr, i);
	}
	fprintf(to, interfaces ? "]" : "]}]");
}

/* The caller's to free. */
static char *write_feed(bool interfaces, size_t *length)
{
	char *text = NULL, *json;
	FILE *to = open_memstream(&text, length);

	if (!to)
		bench_die("out of memory");
	fprintf(to, "{'FeedVersion':1,'Revision':'bench','SecurityGroups':["
		    "{'GroupId':'sg-2'},{'GroupId':'sg-1','IpPermissions':[");
	for (int i = 0; i < RULES; i++)
		fprintf(to, "%s{'IpProtocol':'tcp','FromPort':%d,'ToPort':%d,%s}", i ? "," : "",
			1000 + 10 * i, 1004 + 10 * i,
			interfaces ? "'UserIdGroupPairs':[{'GroupId':'sg-2'}]"
				   : "'PrefixListIds':[{'PrefixListId':'pl-1'}]");
	fprintf(to, "]}],");
	write_members(to, interfaces);
	fprintf(to, ",'Branches':[{'Id':'eni-b','VlanId':9,'GroupIds':['sg-1'],'Pods':"
		    "[{'Namespace':'n','Name':'p','Addresses':['192.0.2.9']}]}]}");
	if (fclose(to))
		bench_die("out of memory");
	json = json_of(text, length);
	free(text);
	return json;
}

static void measure(struct bg_datapath *datapath, const char *text, size_t length,
		    struct times *times, size_t *image_bytes)
{
	for (int i = 0; i < RUNS; i++) {
		struct bg_publish_times publish;
		struct bg_model *model = NULL;
		struct bg_error err = {};
		double elapsed_ms = measure_ms(CLOCK_MONOTONIC);
		double start_ms = measure_ms(CLOCK_PROCESS_CPUTIME_ID);

		if (bg_feed_parse("bench", text, length, &model, NULL, &err))
			bench_die("%s", err.text);
		times->parse_ms[i] = measure_ms(CLOCK_PROCESS_CPUTIME_ID) - start_ms;
		if (bg_datapath_set_model(datapath, model, &publish, &err))
			bench_die("%s", err.text);
		times->all_ms[i] = measure_ms(CLOCK_PROCESS_CPUTIME_ID) - start_ms;
		times->publish_ms[i] = times->all_ms[i] - times->parse_ms[i];
		times->elapsed_ms[i] = measure_ms(CLOCK_MONOTONIC) - elapsed_ms;
		*image_bytes = publish.image_bytes;
		bg_model_free(model);
	}
}

static void report(struct bg_datapath *datapath, bool interfaces, bool json)
{
	const char *name = interfaces ? "200,000 addresses of 100,000 interfaces"
				      : "100,000 entries of a prefix list";
	size_t length = 0, image_bytes = 0;
	char *text = write_feed(interfaces, &length);
	struct times times;
	double all_ms;

	measure(datapath, text, length, &times, &image_bytes);
	free(text);
	all_ms = measure_median(times.all_ms, RUNS);
	if (json)
		printf("{\"Feed\":\"%s\",\"Rules\":%d,\"FeedBytes\":%zu,\"ParseCpuMs\":%.1f,"
		       "\"PublishCpuMs\":%.1f,\"CpuMs\":%.1f,\"ElapsedMs\":%.1f,\"LimitMs\":1000,"
		       "\"Holds\":%s,\"ImageBytes\":%zu}\n",
		       name, RULES, length, measure_median(times.parse_ms, RUNS),
		       measure_median(times.publish_ms, RUNS), all_ms,
		       measure_median(times.elapsed_ms, RUNS), all_ms < 1000 ? "true" : "false",
		       image_bytes);
	else
		printf("%-40s %6d %9.1f %9.1f %9.1f %9.1f %9.1f  %s\n", name, RULES,
		       (double)length / (1 << 20), measure_median(times.parse_ms, RUNS),
		       measure_median(times.publish_ms, RUNS), all_ms,
		       measure_median(times.elapsed_ms, RUNS),
		       all_ms < 1000 ? "within 1 s" : "MORE THAN 1 s");
}

int main(int argc, char **argv)
{
	const struct bg_datapath_options options = { .image_blocks = 32768 };
	struct bg_datapath *datapath = NULL;
	bool json = measure_wants_json(argc, argv);
	struct bg_error err = {};

	measure_on_one_cpu();
	if (bg_datapath_open(&options, &datapath, &err))
		bench_die("%s", err.text);
	if (!json)
		printf("\n%-40s %6s %9s %9s %9s %9s %9s\n", "feed → in force, CPU ms, median of 5",
		       "rules", "MiB", "parse", "publish", "all", "elapsed");
	report(datapath, true, json);
	report(datapath, false, json);
	bg_datapath_close(datapath);
	return 0;
}
