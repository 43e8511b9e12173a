/* Does an answer fit its ask? Decides only; changes nothing. */
#ifndef LRM_SESSION_ARBITER_CHECK_H
#define LRM_SESSION_ARBITER_CHECK_H

#include "remote/arbiter.h"

/* WON when it fits, with the kind of the chosen option (UNSPECIFIED: none was chosen); else
 * NOT_OFFERED or INVALID. */
lrm_verdict lrm__answer_check(const Remote__V1__Ask *ask, const Remote__V1__AnswerContent *answer,
                              Remote__V1__AskOptionKind *kind);

/* Options that last beyond this one time. */
bool lrm__option_lasts(Remote__V1__AskOptionKind kind);

/* Managed policy took the lasting options of this ask away. */
bool lrm__ask_one_time_only(const Remote__V1__Ask *ask);

#endif
