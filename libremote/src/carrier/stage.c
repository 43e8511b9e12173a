typedef int lrm__carrier_stage;
