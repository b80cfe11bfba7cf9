/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Why something was refused, failed or undone: one list for device, cloud and people.
 *
 * The word travels in job status details ("reason") and device reports; the number is stored in the
 * boot journal. Numbers and words are never reused or renamed; new reasons go at the end.
 */
#ifndef DR_FORMAT_REASON_H
#define DR_FORMAT_REASON_H

#include <stddef.h>

/* X(name, number, word on the wire, what a person reads) */
#define DR_REASON_LIST(X)                                                                          \
    X(DR_REASON_NONE, 0, "none", "no reason")                                                      \
    X(DR_REASON_FORMAT, 1, "image_format", "the image is malformed")                               \
    X(DR_REASON_TRUNCATED, 2, "image_truncated", "the image ends too early")                       \
    X(DR_REASON_TRAILING, 3, "image_trailing_bytes", "there are bytes after the image")            \
    X(DR_REASON_DIGEST, 4, "image_digest", "the image was altered: its digest does not fit")       \
    X(DR_REASON_UNSIGNED, 5, "image_unsigned", "the image carries no signature")                   \
    X(DR_REASON_KEY, 6, "image_key", "the image is signed by a key this product does not trust")   \
    X(DR_REASON_SIGNATURE, 7, "image_signature", "the signature does not fit the image")           \
    X(DR_REASON_KEY_REVOKED, 8, "key_revoked", "the signing key has been revoked")                 \
    X(DR_REASON_PRODUCT, 9, "wrong_product", "the image is for another product")                   \
    X(DR_REASON_ORDER, 10, "order_not_above", "the image is not newer than what was sealed")       \
    X(DR_REASON_COUNTER, 11, "counter_below", "the security counter is below the device's")        \
    X(DR_REASON_COUNTER_CEILING, 12, "counter_ceiling",                                            \
      "the security counter is in the reserved range")                                             \
    X(DR_REASON_TOO_LARGE, 13, "too_large", "the image does not fit the slot")                     \
    X(DR_REASON_SIZE_MISMATCH, 14, "size_mismatch", "the announced size differs from the image's") \
    X(DR_REASON_LOAD_WINDOW, 15, "load_window", "the load address is outside the allowed memory")  \
    X(DR_REASON_MIN_ROM, 16, "boot_rom_too_old", "the image needs a newer boot ROM")               \
    X(DR_REASON_LIMITS, 17, "limits_out_of_bounds", "the image's time limits exceed the board's")  \
    X(DR_REASON_RESERVED_TLV, 18, "reserved_tlv", "the image uses a reserved field")               \
    X(DR_REASON_REVOCATION, 19, "revocation_refused", "the revocation target is not allowed")      \
    X(DR_REASON_REJECTED_BEFORE, 20, "rejected_before", "this image already failed here")          \
    X(DR_REASON_WAIT, 21, "waiting_after_failure", "this image may be tried again later")          \
    X(DR_REASON_FLASH_OR_SOURCE, 22, "flash_or_source", "the stored image does not verify")        \
    X(DR_REASON_SELF_TEST, 23, "self_test", "the self-test failed")                                \
    X(DR_REASON_HANG, 24, "hang", "the watchdog had to reset the device")                          \
    X(DR_REASON_CRASH, 25, "crash", "the firmware crashed")                                        \
    X(DR_REASON_HEALTH_DEADLINE, 26, "health_deadline", "not healthy before the deadline")         \
    X(DR_REASON_NO_CLOUD, 27, "no_cloud", "the update service could not be reached in time")       \
    X(DR_REASON_BOOTS, 28, "out_of_boots", "too many boots without becoming healthy")              \
    X(DR_REASON_CANCELED, 29, "canceled", "canceled by the operator")                              \
    X(DR_REASON_COMMAND, 30, "command", "reverted by a signed command")                            \
    X(DR_REASON_PIN, 31, "pin", "a person held the pin")                                           \
    X(DR_REASON_LATE_REVERT, 32, "late_revert", "faults after it was confirmed")                   \
    X(DR_REASON_LADDER, 33, "fault_loop", "faults after it was sealed")                            \
    X(DR_REASON_UNSEALED, 34, "unsealed", "the running image is not sealed yet")                   \
    X(DR_REASON_DOCUMENT, 35, "job_document", "the job document is malformed or not for us")       \
    X(DR_REASON_PROTOCOL, 36, "no_common_protocol", "no common data protocol")                     \
    X(DR_REASON_STREAM, 37, "stream_refused", "the stream was refused by the service")             \
    X(DR_REASON_DOWNLOAD, 38, "download_failed", "the download made no progress")                  \
    X(DR_REASON_STORAGE, 39, "storage", "the flash refused a write")                               \
    X(DR_REASON_CODE_SIGNATURE, 40, "code_signature", "the job's signature does not fit the file") \
    X(DR_REASON_CONSENT, 41, "consent_refused", "the product refused the update")                  \
    X(DR_REASON_TLS_UNTRUSTED, 42, "tls_untrusted_issuer",                                         \
      "the server's certificate is not from our CA")                                               \
    X(DR_REASON_TLS_NAME, 43, "tls_wrong_name", "the server's certificate has another name")       \
    X(DR_REASON_TLS_EXPIRED, 44, "tls_expired", "the server's certificate has expired")            \
    X(DR_REASON_TLS_OTHER, 45, "tls_failed", "the secure connection could not be made")            \
    X(DR_REASON_LOCKUP, 46, "lock_up", "the processor locked up")                                  \
    X(DR_REASON_POWER, 47, "power", "power was lost")                                              \
    X(DR_REASON_INSTALL, 48, "install", "a new image was installed")                               \
    X(DR_REASON_FIRST_BOOT, 49, "first_boot", "first boot after manufacture")                      \
    X(DR_REASON_PLANNED, 50, "planned", "a planned reset")                                         \
    X(DR_REASON_JOURNAL_LOST, 51, "journal_lost", "the boot journal was unreadable")               \
    X(DR_REASON_RESERVED_FEATURE, 52, "not_supported_yet", "this device cannot do that yet")       \
    X(DR_REASON_SEAL, 53, "seal", "the image was sealed")                                          \
    X(DR_REASON_MAGIC, 54, "image_magic", "this is not an image: it begins with other bytes")      \
    X(DR_REASON_SIZES, 55, "image_sizes", "the sizes in the image's header cannot be")             \
    X(DR_REASON_FLAGS, 56, "image_flags", "the image is of a kind that is not supported")          \
    X(DR_REASON_TLV_AREA, 57, "image_tlv_area", "a TLV area of the image has a wrong length")      \
    X(DR_REASON_TLV_ENTRY, 58, "image_tlv_entry", "a TLV entry of the image is malformed")         \
    X(DR_REASON_RESTART, 59, "restart", "the firmware reset the device too soon after its start")  \
    X(DR_REASON_COMMAND_SIGNATURE, 60, "command_signature",                                        \
      "the command is not signed by a key that this product trusts")                               \
    X(DR_REASON_COMMAND_TARGET, 61, "command_target", "the command is for another image")          \
    X(DR_REASON_SEALED, 62, "already_sealed", "the image is sealed: there is no way back")         \
    X(DR_REASON_VAULT_REPLAYED, 63, "vault_replayed", "older files were put back into the store")  \
    X(DR_REASON_VAULT_DAMAGED, 64, "vault_damaged", "files of the store were hurt or lost")        \
    X(DR_REASON_POSTPONED, 65, "postponed", "the product asked to wait")

enum dr_reason {
#define DR_REASON_ENUM(name, number, word, text) name = number,
    DR_REASON_LIST(DR_REASON_ENUM)
#undef DR_REASON_ENUM
};

/* The word on the wire, "unknown" for a number that is not in the list. Never NULL. */
const char *dr_reason_word(enum dr_reason reason);

/* What a person reads. Never NULL. */
const char *dr_reason_text(enum dr_reason reason);

/* The reason for a word, DR_REASON_NONE when there is none such. word need not be NUL-terminated.
 */
enum dr_reason dr_reason_from_word(const char *word, size_t word_len);

#endif
