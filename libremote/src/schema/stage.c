typedef int lrm__schema_stage;
