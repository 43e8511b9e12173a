#include "remote/error.h"

#define KIND_CASE(name, value, kind, text) \
  case LRM_ERR_##name:                     \
    return LRM_ERROR_##kind;
#define TEXT_CASE(name, value, kind, text) \
  case LRM_ERR_##name:                     \
    return text;

lrm_error_kind lrm_error_class(int code) {
  switch (code) {
    case 0:
      return LRM_ERROR_NONE;
      LRM_ERRORS(KIND_CASE)
    default:
      return LRM_ERROR_FATAL;
  }
}

const char *lrm_error_text(int code) {
  switch (code) {
    case 0:
      return "no error";
      LRM_ERRORS(TEXT_CASE)
    default:
      return "unknown error";
  }
}
