/* The answer to a form: brought into the agent's types, then held against the form's schema before
 * the agent hears of it. Surfaces may send numbers, switches and single choices as words.
 * `pattern` is not held: it is in another dialect of regular expressions than ours; the agent
 * looks again anyway. */
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "acp_internal.h"

#define TYPE(x) REMOTE__V1__FORM_FIELD_TYPE__FORM_FIELD_TYPE_##x

typedef struct field {
  const char *name; /* as the agent said it */
  const char *title;
  const json_t *schema;
  Remote__V1__FormFieldType type;
  char *reason;
  size_t reason_bytes;
} field;

static bool unfit(const field *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes why not; false. What does not fit in is cut at a letter. */
static bool unfit(const field *f, const char *format, ...) {
  char text[400], whole[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  snprintf(whole, sizeof whole, "%.100s: %s", f->title, text);
  size_t n = 0, bytes = strlen(whole);
  while (n < bytes && n + 4 < f->reason_bytes) {
    size_t letter = acp_letter((const unsigned char *)whole + n, bytes - n);
    if (letter == 0) break; /* cut in two by a limit above */
    n += letter;
  }
  memcpy(f->reason, whole, n);
  f->reason[n] = '\0';
  return false;
}

/* ---- types ---- */

/* Words that are a whole number or another one, by JSON's grammar; NULL: they are none. */
static json_t *number_of(const char *word, bool whole) {
  json_t *value = json_loads(word, JSON_DECODE_ANY, NULL);
  bool good = whole ? json_is_integer(value) : json_is_number(value);
  if (good) return value;
  json_decref(value);
  return NULL;
}

static json_t *switch_of(const char *word) {
  static const char *const yes[] = {"true", "yes", "y", "on"};
  static const char *const no[] = {"false", "no", "n", "off"};
  for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
    if (strcasecmp(word, yes[i]) == 0) return json_true();
    if (strcasecmp(word, no[i]) == 0) return json_false();
  }
  return NULL;
}

/* A value in the type that the agent wants; as it is when it cannot be brought there. */
static json_t *as_type(Remote__V1__FormFieldType type, json_t *value) {
  const char *word = json_string_value(value);
  json_t *made = NULL;
  if (word != NULL && (type == TYPE(NUMBER) || type == TYPE(INTEGER)))
    made = number_of(word, type == TYPE(INTEGER));
  if (word != NULL && type == TYPE(BOOLEAN)) made = switch_of(word);
  if (word != NULL && type == TYPE(MULTIPLE)) made = json_pack("[O]", value);
  /* 3.0 is a whole number to JSON Schema. */
  double real = json_real_value(value);
  if (type == TYPE(INTEGER) && json_is_real(value) && real > -1e15 && real < 1e15 &&
      (double)(json_int_t)real == real)
    made = json_integer((json_int_t)real);
  return made != NULL ? made : json_incref(value);
}

/* ---- rules ---- */

static size_t letters(const char *text) {
  size_t count = 0;
  for (; *text != '\0'; text++) count += ((unsigned char)*text & 0xC0) != 0x80;
  return count;
}

static bool digits_at(const char *text, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (text[i] < '0' || text[i] > '9') return false;
  return true;
}

static bool is_date(const char *t) {
  return digits_at(t, 4) && t[4] == '-' && digits_at(t + 5, 2) && t[7] == '-' &&
         digits_at(t + 8, 2) && strncmp(t + 5, "00", 2) != 0 && strncmp(t + 5, "12", 2) <= 0 &&
         strncmp(t + 8, "00", 2) != 0 && strncmp(t + 8, "31", 2) <= 0;
}

/* RFC 3339: 2026-01-31T10:00:00Z, with fractions and an offset if they are given. */
static bool is_date_time(const char *t) {
  if (strlen(t) < 20 || !is_date(t) || (t[10] != 'T' && t[10] != 't' && t[10] != ' ')) return false;
  t += 11;
  if (!digits_at(t, 2) || t[2] != ':' || !digits_at(t + 3, 2) || t[5] != ':' ||
      !digits_at(t + 6, 2))
    return false;
  t += 8;
  if (*t == '.')
    for (t++; *t >= '0' && *t <= '9'; t++) continue;
  if ((*t == 'Z' || *t == 'z') && t[1] == '\0') return true;
  return (*t == '+' || *t == '-') && strlen(t) == 6 && digits_at(t + 1, 2) && t[3] == ':' &&
         digits_at(t + 4, 2);
}

static bool is_email(const char *t) {
  const char *at = strchr(t, '@');
  return at != NULL && at != t && at[1] != '\0' && strchr(at + 1, '@') == NULL &&
         strpbrk(t, " \t\r\n") == NULL;
}

static bool is_uri(const char *t) {
  size_t scheme = strspn(t, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");
  return scheme > 0 && t[scheme] == ':' && t[scheme + 1] != '\0' && strpbrk(t, " \t\r\n") == NULL;
}

static bool format_fits(const field *f, const char *word) {
  static const struct {
    const char *format, *what;
    bool (*is)(const char *text);
  } formats[] = {{"email", "an e-mail address", is_email},
                 {"uri", "a URI, such as https://example.org", is_uri},
                 {"date", "a date, such as 2026-01-31", is_date},
                 {"date-time", "a date and time, such as 2026-01-31T10:00:00Z", is_date_time}};
  const char *format = json_string_value(json_object_get(f->schema, "format"));
  for (size_t i = 0; format != NULL && i < sizeof formats / sizeof *formats; i++) {
    if (strcmp(formats[i].format, format) != 0) continue;
    bool good = formats[i].is(word) && (formats[i].is != is_date || strlen(word) == 10);
    return good || unfit(f, "must be %s", formats[i].what);
  }
  return true;
}

static bool chosen_fits(const field *f, const json_t *choices, const char *word) {
  for (size_t i = 0; i < json_array_size(choices); i++) {
    const char *value = json_string_value(acp_form_choice_value(json_array_get(choices, i)));
    if (value != NULL && strcmp(value, word) == 0) return true;
  }
  return unfit(f, "%.80s is not one of the choices", word);
}

static bool text_fits(const field *f, const json_t *value) {
  const char *word = json_string_value(value);
  const json_t *least = json_object_get(f->schema, "minLength");
  const json_t *most = json_object_get(f->schema, "maxLength");
  const json_t *choices = acp_form_choices(f->schema);
  if (word == NULL) return unfit(f, "must be text");
  if (choices != NULL) return chosen_fits(f, choices, word);
  size_t count = letters(word);
  if (json_is_integer(least) && (json_int_t)count < json_integer_value(least))
    return unfit(f, "at least %lld characters", (long long)json_integer_value(least));
  if (json_is_integer(most) && (json_int_t)count > json_integer_value(most))
    return unfit(f, "at most %lld characters", (long long)json_integer_value(most));
  return format_fits(f, word);
}

static bool number_fits(const field *f, const json_t *value) {
  const json_t *least = json_object_get(f->schema, "minimum");
  const json_t *most = json_object_get(f->schema, "maximum");
  if (f->type == TYPE(INTEGER) ? !json_is_integer(value) : !json_is_number(value))
    return unfit(f, f->type == TYPE(INTEGER) ? "must be a whole number" : "must be a number");
  double number = json_number_value(value);
  if (json_is_number(least) && number < json_number_value(least))
    return unfit(f, "at least %.15g", json_number_value(least));
  if (json_is_number(most) && number > json_number_value(most))
    return unfit(f, "at most %.15g", json_number_value(most));
  return true;
}

static bool several_fit(const field *f, const json_t *value) {
  const json_t *choices = acp_form_choices(json_object_get(f->schema, "items"));
  const json_t *least = json_object_get(f->schema, "minItems");
  const json_t *most = json_object_get(f->schema, "maxItems");
  size_t count = json_array_size(value);
  if (!json_is_array(value)) return unfit(f, "must be a list of choices");
  for (size_t i = 0; i < count; i++) {
    const char *word = json_string_value(json_array_get(value, i));
    if (word == NULL) return unfit(f, "must be a list of texts");
    if (choices != NULL && !chosen_fits(f, choices, word)) return false;
  }
  if (json_is_integer(least) && (json_int_t)count < json_integer_value(least))
    return unfit(f, "at least %lld of them", (long long)json_integer_value(least));
  if (json_is_integer(most) && (json_int_t)count > json_integer_value(most))
    return unfit(f, "at most %lld of them", (long long)json_integer_value(most));
  return true;
}

static bool value_fits(const field *f, const json_t *value) {
  switch ((int)f->type) {
    case TYPE(NUMBER):
    case TYPE(INTEGER):
      return number_fits(f, value);
    case TYPE(BOOLEAN):
      return json_is_boolean(value) || unfit(f, "must be yes or no");
    case TYPE(MULTIPLE):
      return several_fit(f, value);
    default:
      return text_fits(f, value);
  }
}

/* ---- the object ---- */

static field field_of(const char *name, const json_t *schema, char *reason, size_t reason_bytes) {
  const char *title = json_string_value(json_object_get(schema, "title"));
  return (field){name,   title != NULL && title[0] != '\0' ? title : name,
                 schema, acp_form_type(schema),
                 reason, reason_bytes};
}

/* The agent's name of a field: ours may be a hash of it. */
static const char *agents_name(json_t *properties, const char *name) {
  const char *key;
  json_t *schema;
  json_object_foreach(properties, key, schema) {
    char known[ACP_ID_BYTES];
    acp_id_make(key, ACP_ID_BYTES - 1, known);
    if (strcmp(known, name) == 0 || strcmp(key, name) == 0) return key;
  }
  return NULL;
}

/* An answer without JSON: an option or words for the first field. */
static json_t *plain_answer(json_t *properties, const Remote__V1__AnswerContent *answer) {
  const char *value = answer->option_id[0] != '\0' ? answer->option_id : answer->text;
  void *first = json_object_iter(properties);
  if (first == NULL || value[0] == '\0') return json_object();
  return json_pack("{s:s}", json_object_iter_key(first), value);
}

/* What was given, under the agent's names and in its types; members of value null are left out. */
static json_t *take_given(json_t *properties, json_t *given, char *reason, size_t reason_bytes) {
  json_t *content = json_object();
  const char *name;
  json_t *value;
  json_object_foreach(given, name, value) {
    const char *key = agents_name(properties, name);
    field f = field_of(key != NULL ? key : name,
                       json_object_get(properties, key != NULL ? key : ""), reason, reason_bytes);
    json_t *typed = key != NULL ? as_type(f.type, value) : NULL;
    bool good = key != NULL || unfit(&f, "the form has no such field");
    if (good && !json_is_null(value)) good = value_fits(&f, typed);
    if (good && !json_is_null(value)) json_object_set(content, key, typed);
    json_decref(typed);
    if (good) continue;
    json_decref(content);
    return NULL;
  }
  return content;
}

/* What must be given and was not: its default, if it has one that fits. */
static bool fill_required(json_t *properties, const json_t *required, json_t *content, char *reason,
                          size_t reason_bytes) {
  const char *name;
  json_t *schema;
  json_object_foreach(properties, name, schema) {
    if (!acp_form_required(required, name) || json_object_get(content, name) != NULL) continue;
    field f = field_of(name, schema, reason, reason_bytes);
    json_t *preset = json_object_get(schema, "default");
    if (preset == NULL || json_is_null(preset)) return unfit(&f, "must be given");
    if (!value_fits(&f, preset)) return false;
    json_object_set(content, name, preset);
  }
  return true;
}

json_t *acp_form_content(const json_t *schema, const Remote__V1__AnswerContent *answer,
                         char *reason, size_t reason_bytes) {
  json_t *properties = json_object_get(schema, "properties");
  json_t *given = answer->json[0] != '\0' ? json_loads(answer->json, 0, NULL)
                                          : plain_answer(properties, answer);
  reason[0] = '\0';
  json_t *content =
      json_is_object(given) ? take_given(properties, given, reason, reason_bytes) : NULL;
  if (!json_is_object(given)) snprintf(reason, reason_bytes, "the answer is no JSON object");
  json_decref(given);
  if (content == NULL ||
      fill_required(properties, json_object_get(schema, "required"), content, reason, reason_bytes))
    return content;
  json_decref(content);
  return NULL;
}
