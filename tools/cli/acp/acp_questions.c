/* Questions in a permission request. Qwen Code asks its person with session/request_permission: the
 * questions are in the tool's input, and the answers are wanted in the reply, beside the outcome,
 * by the question's number. To a person they are a form. */
#include <stdio.h>

#include "acp_internal.h"

#define QUESTIONS_MAX 32u

static json_t *choices_of(const json_t *options) {
  json_t *list = json_array();
  for (size_t i = 0; i < json_array_size(options); i++) {
    const json_t *option = json_array_get(options, i);
    json_t *label = json_object_get(option, "label");
    const char *more = json_string_value(json_object_get(option, "description"));
    if (!json_is_string(label)) continue;
    json_t *choice = json_pack("{s:O}", "const", label);
    const char *word = json_string_value(label);
    if (more != NULL && more[0] != '\0' && strcmp(more, word) != 0)
      json_object_set_new(choice, "title", json_sprintf("%s - %s", word, more));
    json_array_append_new(list, choice);
  }
  return list;
}

/* The only question is what the form says: its field need not say it again. */
static json_t *field_of(const json_t *question, bool only) {
  json_t *text = json_object_get(question, "question");
  json_t *header = json_object_get(question, "header");
  if (!json_is_string(text)) return NULL;
  json_t *choices = choices_of(json_object_get(question, "options"));
  json_t *field = json_object();
  if (json_is_string(header))
    json_object_set(field, "title", header);
  else if (only)
    json_object_set_new(field, "title", json_string("Answer"));
  else
    json_object_set(field, "title", text);
  if (!only) json_object_set(field, "description", text);
  if (json_array_size(choices) == 0) {
    json_object_set_new(field, "type", json_string("string"));
  } else if (json_is_true(json_object_get(question, "multiSelect"))) {
    json_object_set_new(field, "type", json_string("array"));
    json_object_set_new(field, "items", json_pack("{s:O}", "anyOf", choices));
  } else {
    json_object_set_new(field, "type", json_string("string"));
    json_object_set(field, "oneOf", choices);
  }
  json_decref(choices);
  return field;
}

json_t *acp_questions_schema(const json_t *call) {
  const json_t *input = json_object_get(call, "rawInput");
  const json_t *questions = json_object_get(input, "questions");
  const char *tool = json_string_value(json_object_get(json_object_get(call, "_meta"), "toolName"));
  size_t count = json_array_size(questions);
  if (tool == NULL || strcmp(tool, "ask_user_question") != 0 || count == 0 || count > QUESTIONS_MAX)
    return NULL;
  json_t *fields = json_object(), *required = json_array();
  for (size_t i = 0; i < count; i++) {
    char number[8];
    json_t *field = field_of(json_array_get(questions, i), count == 1);
    if (field == NULL) {
      json_decref(fields);
      json_decref(required);
      return NULL;
    }
    snprintf(number, sizeof number, "%zu", i);
    json_object_set_new(fields, number, field);
    json_array_append_new(required, json_string(number));
  }
  return json_pack("{s:s,s:o,s:o}", "type", "object", "properties", fields, "required", required);
}

json_t *acp_questions_message(const json_t *call) {
  const json_t *questions = json_object_get(json_object_get(call, "rawInput"), "questions");
  json_t *text = json_object_get(json_array_get(questions, 0), "question");
  return json_array_size(questions) == 1 ? text : json_object_get(call, "title");
}

/* Several choices of one question are one text. */
static json_t *one_text(json_t *value) {
  if (!json_is_array(value)) return json_incref(value);
  json_t *text = json_string("");
  for (size_t i = 0; i < json_array_size(value); i++) {
    const char *word = json_string_value(json_array_get(value, i));
    json_t *longer = json_sprintf("%s%s%s", json_string_value(text), i > 0 ? ", " : "",
                                  word != NULL ? word : "");
    json_decref(text);
    text = longer != NULL ? longer : json_string("");
  }
  return text;
}

json_t *acp_questions_answers(json_t *content) {
  json_t *answers = json_object(), *value;
  const char *name;
  json_object_foreach(content, name, value) json_object_set_new(answers, name, one_text(value));
  return answers;
}
