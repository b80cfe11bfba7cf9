/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A hash table of nodes that stand inside the things they index.
 *
 * Keys are bytes that the owner keeps; the hash is keyed with a random secret, so that a client
 * cannot choose names that collide. Chaining, growing by doubling; nothing is allocated per node.
 * Several nodes may have equal keys: find gives one of them, next the others.
 */
#ifndef DR_CLOUD_GATE_HASH_H
#define DR_CLOUD_GATE_HASH_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct dr_hash_node {
    struct dr_hash_node *next; /* private */
    uint64_t hash;             /* private */
    const void *key;           /* unchanged while the node is in a table */
    size_t key_size;
};

struct dr_hash {
    uint64_t secret[2];
    struct dr_hash_node **buckets;
    size_t bucket_count; /* power of two */
    size_t count;
};

DR_MUST_USE enum dr_status dr_hash_init(struct dr_hash *table, const uint64_t secret[2]);
/* The nodes are the owner's. */
void dr_hash_free(struct dr_hash *table);

/* Never fails: when it cannot grow, chains get longer. */
void dr_hash_insert(
    struct dr_hash *table, struct dr_hash_node *node, const void *key, size_t key_size);
void dr_hash_remove(struct dr_hash *table, struct dr_hash_node *node);
struct dr_hash_node *dr_hash_find(const struct dr_hash *table, const void *key, size_t key_size);
/* Another node with the key of this one, or NULL. */
struct dr_hash_node *dr_hash_next(const struct dr_hash_node *node);

/* SipHash-2-4 (Aumasson, Bernstein 2012). */
uint64_t dr_siphash(const uint64_t secret[2], const void *data, size_t size_bytes);

/* The object that a node stands in. */
#define DR_HASH_OWNER(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

#endif
