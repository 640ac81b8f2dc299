<?xml version="1.0" encoding="utf-8"?>
<!-- TAP over a release of a survey, for GAVO DaCHS: docs/virtual-observatory.md.

write_descriptor.py writes this file by the columns of exports, load_release.py fills the tables by
what stands here. -->
<resource schema="galproject">
  <meta name="title">galproject: variable stars in the Galactic plane</meta>
  <meta name="creationDate">2026-11-30T00:00:00Z</meta>
  <meta name="description">Light curves of all stars in crowded fields of the Galactic plane, by
    forced photometry at the positions of reference images, with statistics of their variability,
    periods, and cross-matches between filters.</meta>
  <meta name="creator">The galproject survey</meta>
  <meta name="subject">variable-stars</meta>
  <meta name="subject">time-domain-astronomy</meta>
  <meta name="subject">surveys</meta>
  <meta name="coverage.waveband">Optical</meta>

  <table id="sources" onDisk="True" adql="True" mixin="//scs#q3cindex" primary="source_id">
    <meta name="description">Sources of reference images with statistics over all epochs, in each filter by itself.</meta>
    <index columns="object_id"/>
    <column name="source_id" type="bigint" ucd="meta.id;meta.main"
        description="of the reference source" required="True"/>
    <column name="object_id" type="bigint" ucd="meta.id;src"
        description="the star, the same in all filters; null: none">
      <values nullLiteral="-32768"/>
    </column>
    <column name="object_kind" type="smallint" ucd="meta.code"
        description="of the star's sources: 0: in no catalogue in use, 1: in one filter alone, 2: one source in each filter, 3: a blend: one source here is several there, 4: one source in each filter, perhaps a blend">
      <values nullLiteral="-32768"/>
    </column>
    <column name="catalogue_id" type="integer" ucd="meta.id"
        description="reference catalogue of the source">
      <values nullLiteral="-32768"/>
    </column>
    <column name="filter" type="text" ucd="meta.id;instr.filter"
        description="of all its measurements"/>
    <column name="ra" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main"
        description="ICRS"/>
    <column name="dec" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main"
        description="ICRS"/>
    <column name="is_new" type="boolean" ucd="meta.code"
        description="missing on the reference image"/>
    <column name="reference_mag" type="real" unit="mag" ucd="phot.mag"
        description="by the reference image, or its set"/>
    <column name="pm_ra" type="real" unit="mas/yr" ucd="pos.pm;pos.eq.ra"
        description="mas/yr, times cos(dec)"/>
    <column name="pm_dec" type="real" unit="mas/yr" ucd="pos.pm;pos.eq.dec"
        description="mas/yr"/>
    <column name="pm_ra_err" type="real" unit="mas/yr" ucd="stat.error;pos.pm;pos.eq.ra"
        description="mas/yr"/>
    <column name="pm_dec_err" type="real" unit="mas/yr" ucd="stat.error;pos.pm;pos.eq.dec"
        description="mas/yr"/>
    <column name="mean_mag" type="real" unit="mag" ucd="phot.mag;stat.mean"
        description="weighted"/>
    <column name="robust_mag" type="real" unit="mag" ucd="phot.mag;stat.mean"
        description="biweight"/>
    <column name="sigma_mad" type="real" unit="mag" ucd="stat.stdev;phot.mag"
        description="mag, from the median absolute deviation"/>
    <column name="iqr_mag" type="real" unit="mag" ucd="stat.value;phot.mag"
        description="between the quartiles"/>
    <column name="range_mag" type="real" unit="mag" ucd="src.var.amplitude"
        description="from the 5th to the 95th percentile"/>
    <column name="chi2_nu" type="real" ucd="stat.fit.chi2"
        description="against the weighted mean"/>
    <column name="excess_mag" type="real" unit="mag" ucd="stat.stdev;phot.mag"
        description="scatter beyond the errors"/>
    <column name="excess_err" type="real" unit="mag" ucd="stat.error;phot.mag"
        description="mag"/>
    <column name="deviation_mag" type="real" unit="mag" ucd="phot.mag;arith.diff"
        description="the largest in sigma, from the robust mean"/>
    <column name="deviation_sigma" type="real" ucd="stat.snr"
        description="its significance"/>
    <column name="skewness" type="real" ucd="stat.param"
        description="skewness"/>
    <column name="stetson_j" type="real" ucd="src.var.index"
        description="0 for noise"/>
    <column name="stetson_k" type="real" ucd="src.var.index"
        description="0.798 for Gaussian noise"/>
    <column name="von_neumann" type="real" ucd="src.var.index"
        description="2 for noise, less where it changes smoothly"/>
    <column name="slope_mag" type="real" unit="mag/yr" ucd="arith.rate;phot.mag"
        description="mag a year"/>
    <column name="slope_err" type="real" unit="mag/yr" ucd="stat.error;phot.mag"
        description="mag a year"/>
    <column name="false_alarm" type="real" ucd="stat.probability"
        description="share of constant stars that seem to vary as much; NaN: unknown"/>
    <column name="n_epochs" type="smallint" ucd="meta.number;obs"
        description="good measurements">
      <values nullLiteral="-32768"/>
    </column>
    <column name="measured_sigma_mad" type="real" unit="mag" ucd="stat.stdev;phot.mag"
        description="mag, with trends"/>
    <column name="measured_range_mag" type="real" unit="mag" ucd="src.var.amplitude"
        description="with trends"/>
    <column name="measured_chi2_nu" type="real" ucd="stat.fit.chi2"
        description="with trends"/>
    <column name="measured_excess_mag" type="real" unit="mag" ucd="stat.stdev;phot.mag"
        description="with trends"/>
    <column name="followed_share" type="real" ucd="stat.value"
        description="of the scatter that follows seeing, sky, airmass, place"/>
    <column name="neighbour_correlation" type="real" ucd="stat.correlation"
        description="of its light and its close neighbours'"/>
    <column name="variability_flags" type="smallint" ucd="meta.code.qual"
        description="1: of fluxes, 2: blended, 4: follows the conditions, 8: trades flux">
      <values nullLiteral="-32768"/>
    </column>
    <column name="trend_1" type="real" ucd="stat.param"
        description="how much it follows trend 1"/>
    <column name="trend_2" type="real" ucd="stat.param"
        description="how much it follows trend 2"/>
    <column name="trend_3" type="real" ucd="stat.param"
        description="how much it follows trend 3"/>
    <column name="trend_4" type="real" ucd="stat.param"
        description="how much it follows trend 4"/>
    <column name="trend_5" type="real" ucd="stat.param"
        description="how much it follows trend 5"/>
    <column name="period_days" type="double precision" unit="d" ucd="src.var;time.period"
        description="the likeliest"/>
    <column name="period_false_alarm" type="real" ucd="stat.probability"
        description="probability that noise, or one event, looks so"/>
    <column name="candidate_kind" type="text" ucd="meta.code"
        description="of the candidate; null where it is none"/>
    <column name="candidate_cause" type="text" ucd="meta.code"
        description="of the candidate; null where it is none"/>
    <column name="known" type="text" ucd="meta.code"
        description="whether catalogues of variable stars have it"/>
    <column name="known_class" type="text" ucd="src.class"
        description="as published"/>
    <column name="known_name" type="text" ucd="meta.code"
        description="of the variable; else of the object"/>
    <column name="n_detections" type="integer" ucd="meta.number"
        description="changes that passed all cuts">
      <values nullLiteral="-32768"/>
    </column>
    <column name="varies" type="boolean" ucd="src.var"
        description="by its statistics over all epochs"/>
    <column name="is_flagged" type="boolean" ucd="meta.code.qual"
        description="hidden by flags that stand"/>
    <column name="class" type="text" ucd="src.class"
        description="that people agree on; null where votes are blind"/>
  </table>

  <table id="epochs" onDisk="True" adql="True">
    <meta name="description">Measurements of all sources, one row an epoch.</meta>
    <index columns="source_id"/>
    <column name="source_id" type="bigint" ucd="meta.id;meta.main"
        description="of the reference source" required="True"/>
    <column name="mjd" type="double precision" unit="d" ucd="time.epoch;obs.exposure"
        description="UTC, middle of the exposure"/>
    <column name="mag" type="real" unit="mag" ucd="phot.mag"
        description="corrected to the reference"/>
    <column name="mag_err" type="real" unit="mag" ucd="stat.error;phot.mag"
        description="with the floor, expanded so that chi2/nu is 1"/>
    <column name="flux" type="real" unit="adu" ucd="phot.count"
        description="ADU"/>
    <column name="flux_err" type="real" unit="adu" ucd="stat.error;phot.count"
        description="ADU, as fitted"/>
    <column name="flags" type="smallint" ucd="meta.code.qual"
        description="bits of the mask at the source (1: bad, 2: without a value, 4: saturated, 8: bleed, 16: cosmic ray, 32: low weight, 64: streak) and its own (128: too sharp for a star, 256: in the wings of a saturated star, 512: on a reference, a member of an extended source, 1024: on a reference, added to it later)">
      <values nullLiteral="-32768"/>
    </column>
    <column name="is_good" type="boolean" ucd="meta.code.qual"
        description="counts for statistics of variability"/>
    <column name="image_id" type="bigint" ucd="meta.id;obs.image"
        description="of the image; images.parquet has it">
      <values nullLiteral="-32768"/>
    </column>
    <foreignKey source="source_id" inTable="sources" metaOnly="True"/>
  </table>

  <table id="nondetections" onDisk="True" adql="True">
    <meta name="description">Epochs at which a source was looked for in vain, with upper limits.</meta>
    <index columns="source_id"/>
    <column name="source_id" type="bigint" ucd="meta.id;meta.main"
        description="of the reference source" required="True"/>
    <column name="mjd" type="double precision" unit="d" ucd="time.epoch;obs.exposure"
        description="UTC, middle of the exposure"/>
    <column name="flux" type="real" unit="adu" ucd="phot.count"
        description="ADU"/>
    <column name="flux_err" type="real" unit="adu" ucd="stat.error;phot.count"
        description="ADU, as fitted"/>
    <column name="limit_mag" type="real" unit="mag" ucd="phot.mag;stat.max"
        description="upper limit, corrected to the reference; NaN where too few pixels can tell"/>
    <column name="flags" type="smallint" ucd="meta.code.qual"
        description="bits of the mask at the source (1: bad, 2: without a value, 4: saturated, 8: bleed, 16: cosmic ray, 32: low weight, 64: streak) and its own (128: too sharp for a star, 256: in the wings of a saturated star, 512: on a reference, a member of an extended source, 1024: on a reference, added to it later)">
      <values nullLiteral="-32768"/>
    </column>
    <column name="is_good" type="boolean" ucd="meta.code.qual"
        description="counts for statistics of variability"/>
    <column name="image_id" type="bigint" ucd="meta.id;obs.image"
        description="of the image; images.parquet has it">
      <values nullLiteral="-32768"/>
    </column>
    <foreignKey source="source_id" inTable="sources" metaOnly="True"/>
  </table>

  <table id="images" onDisk="True" adql="True">
    <meta name="description">Images that epochs are of, for each reference catalogue.</meta>
    <index columns="image_id"/>
    <column name="catalogue_id" type="integer" ucd="meta.id"
        description="reference catalogue whose sources were measured on it">
      <values nullLiteral="-32768"/>
    </column>
    <column name="image_id" type="bigint" ucd="meta.id;meta.main"
        description="as light curves name it">
      <values nullLiteral="-32768"/>
    </column>
    <column name="instrument" type="text" ucd="meta.id;instr"
        description="of the exposure"/>
    <column name="exposure" type="text" ucd="meta.id;obs"
        description="EXPNUM, or the file's stem"/>
    <column name="chip" type="text"
        description="name of the chip"/>
    <column name="filter" type="text" ucd="meta.id;instr.filter"
        description="of the exposure"/>
    <column name="mjd" type="double precision" unit="d" ucd="time.epoch;obs.exposure"
        description="UTC, middle of the exposure"/>
    <column name="exposure_seconds" type="double precision" unit="s" ucd="time.duration;obs.exposure"
        description="exposure time"/>
    <column name="zero_point" type="double precision" unit="mag" ucd="phot.mag;arith.zp"
        description="of 1 ADU, before the correction to the reference"/>
    <column name="error_scale" type="double precision"
        description="errors of faint stars over those of the fit"/>
    <column name="limit_sigma" type="double precision"
        description="significance of upper limits"/>
    <column name="direction_ra" type="double precision" unit="deg"
        description="of the catalogue's image, for barycentric times"/>
    <column name="direction_dec" type="double precision" unit="deg"
        description="of the catalogue's image, for barycentric times"/>
    <column name="is_reference" type="boolean"
        description="the catalogue is of this image"/>
    <column name="is_good" type="boolean"
        description="counts for statistics of variability: done, and not doubted"/>
  </table>

  <data id="import" updating="True">
    <make table="sources"/>
    <make table="epochs"/>
    <make table="nondetections"/>
    <make table="images"/>
  </data>

  <service id="cone" allowed="scs.xml,form">
    <meta name="title">galproject sources cone search</meta>
    <meta name="shortName">galproject cone</meta>
    <meta name="testQuery.ra">266.0</meta>
    <meta name="testQuery.dec">-29.0</meta>
    <meta name="testQuery.sr">0.01</meta>
    <scsCore queriedTable="sources">
      <FEED source="//scs#coreDescs"/>
    </scsCore>
  </service>
</resource>
