/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The one list of outcomes.
 *
 * Every fallible function returns `enum dr_status`: 0 is success, a failure is negative. Numbers
 * travel in reports and logs, so a number is never reused and never changes its meaning; new ones
 * go at the end of the list. One cause, one code. On failure a function leaves its outputs
 * untouched unless its header says otherwise.
 */
#ifndef DR_BASE_STATUS_H
#define DR_BASE_STATUS_H

/* X(name, number, what a person reads) */
#define DR_STATUS_LIST(X)                                                                          \
    X(DR_OK, 0, "ok")                                                                              \
    X(DR_E_ARGUMENT, -1, "bad argument")                                                           \
    X(DR_E_RANGE, -2, "outside the allowed range")                                                 \
    X(DR_E_SPACE, -3, "does not fit")                                                              \
    X(DR_E_FORMAT, -4, "malformed")                                                                \
    X(DR_E_TRUNCATED, -5, "ends too early")                                                        \
    X(DR_E_UNSUPPORTED, -6, "not supported")                                                       \
    X(DR_E_NOT_FOUND, -7, "not found")                                                             \
    X(DR_E_EXISTS, -8, "already exists")                                                           \
    X(DR_E_STATE, -9, "not allowed in this state")                                                 \
    X(DR_E_IO, -10, "input or output failed")                                                      \
    X(DR_E_TIMEOUT, -11, "no answer in time")                                                      \
    X(DR_E_AUTH, -12, "authentication failed")                                                     \
    X(DR_E_DENIED, -13, "not permitted")                                                           \
    X(DR_E_CORRUPT, -14, "damaged content")                                                        \
    X(DR_E_CONFLICT, -15, "conflicts with a newer change")                                         \
    X(DR_E_CRYPTO, -16, "cryptographic operation failed")                                          \
    X(DR_E_BUSY, -17, "busy")                                                                      \
    X(DR_E_AGAIN, -18, "nothing yet, try again")                                                   \
    X(DR_E_CLOSED, -19, "closed by the other side")                                                \
    X(DR_E_INTERNAL, -20, "internal fault")

enum dr_status {
#define DR_STATUS_ENUM(name, number, text) name = number,
    DR_STATUS_LIST(DR_STATUS_ENUM)
#undef DR_STATUS_ENUM
};

/* A result that is ignored does not compile. */
#define DR_MUST_USE __attribute__((warn_unused_result))
/* Kept apart where copies of it in its callers would cost more than the calls. */
#define DR_APART __attribute__((noinline))

/* Ignore a result on purpose; the call site says why in a comment. */
#define DR_IGNORE(expression)                                                                      \
    do {                                                                                           \
        if (expression) {                                                                          \
        }                                                                                          \
    } while (0)

/* Return early with the first failure. */
#define DR_TRY(expression)                                                                         \
    do {                                                                                           \
        enum dr_status dr_try_status_ = (expression);                                              \
        if (dr_try_status_ != DR_OK) {                                                             \
            return dr_try_status_;                                                                 \
        }                                                                                          \
    } while (0)

/* What a person reads. Never NULL; an unknown number gives "unknown status". */
const char *dr_status_text(enum dr_status status);

/* The symbol, for logs: "DR_E_FORMAT". Never NULL. */
const char *dr_status_name(enum dr_status status);

#endif
