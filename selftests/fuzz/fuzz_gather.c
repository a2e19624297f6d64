// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * libFuzzer: any bytes as what kubectl and aws printed, and what is accepted on to the feed of
 * every node that it names, and to what `build --explain` says of every pod. A feed that is
 * made is one that the daemon takes.
 */
#include <stdint.h>
#include <string.h>

#include "fleet/gather/node_feed.h"
#include "fleet/gather/why.h"
#include "promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void read_text(struct bg_cluster *cluster, const char *text)
{
	struct bg_error err;

	MUST(!bg_cluster_read(cluster, "whole.json", text, strlen(text), &err));
}

/* It is not the bytes' fault alone when there is no feed: a node may be missing. */
static void make_feed(struct bg_cluster *cluster, const char *node)
{
	const struct bg_settings settings = {};

	for (int standard = 0; standard < 2; standard++) {
		struct bg_json_writer feed = {};
		struct bg_error err = {};
		int rc = bg_node_feed(cluster, node, standard, &settings, &feed, &err);

		MUST(!rc || *err.text);
		MUST(!strstr(err.text, "would refuse"));
		bg_json_writer_free(&feed);
	}
}

static void explain(const struct bg_cluster *cluster)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	MUST(out);
	for (size_t i = 0; i < cluster->pod_count; i++)
		MUST(!bg_why(cluster, &cluster->pods[i], out));
	MUST(!fclose(out));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct bg_cluster cluster = {};
	struct bg_error err = {};

	if (bg_cluster_read(&cluster, "pl-1.json", (const char *)bytes, length, &err)) {
		MUST(!strncmp(err.text, "pl-1.json", 9));
		bg_cluster_release(&cluster);
		return 0;
	}
	read_text(&cluster, "{\"items\":[],\"SecurityGroups\":[],\"NetworkInterfaces\":[]}");
	MUST(!bg_cluster_join(&cluster, &err));
	make_feed(&cluster, "n1");
	for (size_t i = 0; i < cluster.node_count && i < 8; i++)
		make_feed(&cluster, cluster.nodes[i].object.name);
	for (size_t i = 0; i < cluster.pod_count && i < 8; i++)
		if (cluster.pods[i].node)
			make_feed(&cluster, cluster.pods[i].node);
	explain(&cluster);
	for (size_t i = 0; i < cluster.report_count; i++)
		MUST(*cluster.reports[i].text);
	bg_cluster_release(&cluster);
	return 0;
}
