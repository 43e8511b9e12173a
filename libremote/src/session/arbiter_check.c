#include "session/arbiter_check.h"

#include <string.h>

#include "session/json_object.h"

/* What an answer to each kind of ask may hold. */
enum {
  MAY_OPTION = 1,  /* an offered option */
  MUST_OPTION = 2, /* nothing else will do */
  MUST_SAY = 4,    /* an option or words: one of them */
  MUST_JSON = 8,   /* a JSON object */
  MAY_DECLINE = 16
};

static const struct rule {
  Remote__V1__Ask__KindCase kind;
  unsigned allows;
} rules[] = {
    {REMOTE__V1__ASK__KIND_PERMISSION, MAY_OPTION | MUST_OPTION},
    {REMOTE__V1__ASK__KIND_QUESTION, MAY_OPTION | MUST_SAY | MAY_DECLINE},
    {REMOTE__V1__ASK__KIND_PLAN, MAY_OPTION | MUST_OPTION},
    {REMOTE__V1__ASK__KIND_FORM, MUST_JSON | MAY_DECLINE},
    {REMOTE__V1__ASK__KIND_OPEN_URL, MAY_OPTION | MAY_DECLINE},
    {REMOTE__V1__ASK__KIND_LIMIT, MAY_OPTION | MUST_SAY},
};

/* A kind that this version does not know is answered by option only. */
static unsigned allows(const Remote__V1__Ask *ask) {
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    if (rules[i].kind == ask->kind_case) return rules[i].allows;
  return MAY_OPTION | MUST_OPTION;
}

static bool given(const char *text) { return text != NULL && text[0] != '\0'; }

static bool takes_words(const Remote__V1__Ask *ask) {
  if (ask->kind_case == REMOTE__V1__ASK__KIND_QUESTION) return ask->question->free_text;
  if (ask->kind_case == REMOTE__V1__ASK__KIND_LIMIT) return ask->limit->free_text;
  return false;
}

static bool takes_several(const Remote__V1__Ask *ask) {
  return ask->kind_case == REMOTE__V1__ASK__KIND_QUESTION && ask->question->multiple;
}

bool lrm__option_lasts(Remote__V1__AskOptionKind kind) {
  return kind == REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_SESSION ||
         kind == REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_LOCATION ||
         kind == REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_ALWAYS ||
         kind == REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_REJECT_ALWAYS;
}

bool lrm__ask_one_time_only(const Remote__V1__Ask *ask) {
  return ask->kind_case == REMOTE__V1__ASK__KIND_PERMISSION && ask->permission->one_time_only;
}

/* Lasting options that policy takes away are not in the arbiter's copy of the ask. */
static const Remote__V1__AskOption *offered(const Remote__V1__Ask *ask, const char *option_id) {
  for (size_t i = 0; i < ask->n_options; i++)
    if (strcmp(ask->options[i]->option_id, option_id) == 0) return ask->options[i];
  return NULL;
}

/* The further options: offered, and none named twice. */
static lrm_verdict check_more(const Remote__V1__Ask *ask, const Remote__V1__AnswerContent *answer) {
  if (answer->n_more_option_ids == 0) return LRM_VERDICT_WON;
  if (!takes_several(ask) || !given(answer->option_id)) return LRM_VERDICT_INVALID;
  for (size_t i = 0; i < answer->n_more_option_ids; i++) {
    const char *id = answer->more_option_ids[i];
    if (!given(id)) return LRM_VERDICT_INVALID;
    if (offered(ask, id) == NULL) return LRM_VERDICT_NOT_OFFERED;
    if (strcmp(id, answer->option_id) == 0) return LRM_VERDICT_INVALID;
    for (size_t j = 0; j < i; j++)
      if (strcmp(id, answer->more_option_ids[j]) == 0) return LRM_VERDICT_INVALID;
  }
  return LRM_VERDICT_WON;
}

static lrm_verdict check_json(const char *json) {
  if (!given(json)) return LRM_VERDICT_NOT_OFFERED;
  return lrm__json_is_object(json) ? LRM_VERDICT_WON : LRM_VERDICT_INVALID;
}

static lrm_verdict check_declined(const Remote__V1__AnswerContent *answer, unsigned may) {
  if (!(may & MAY_DECLINE) || given(answer->option_id) || answer->n_more_option_ids != 0 ||
      given(answer->text) || given(answer->json))
    return LRM_VERDICT_INVALID;
  return LRM_VERDICT_WON;
}

lrm_verdict lrm__answer_check(const Remote__V1__Ask *ask, const Remote__V1__AnswerContent *answer,
                              Remote__V1__AskOptionKind *kind) {
  unsigned may = allows(ask);
  bool option = given(answer->option_id), words = given(answer->text);
  *kind = REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_UNSPECIFIED;
  if (answer->declined) return check_declined(answer, may);
  if (words && !takes_words(ask)) return LRM_VERDICT_INVALID;
  if (!(may & MUST_JSON) && given(answer->json)) return LRM_VERDICT_INVALID;
  if (option && !(may & MAY_OPTION)) return LRM_VERDICT_INVALID;
  if ((may & MUST_OPTION) && !option) return LRM_VERDICT_INVALID;
  if ((may & MUST_SAY) && !option && !words) return LRM_VERDICT_INVALID;
  if (option) {
    const Remote__V1__AskOption *found = offered(ask, answer->option_id);
    if (found == NULL) return LRM_VERDICT_NOT_OFFERED;
    *kind = found->kind;
  }
  lrm_verdict more = check_more(ask, answer);
  if (more != LRM_VERDICT_WON) return more;
  return may & MUST_JSON ? check_json(answer->json) : LRM_VERDICT_WON;
}
