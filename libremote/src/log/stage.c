typedef int lrm__log_stage;
